// Shows sensors and plugin results as they come over the WebSocket at /ws.

const RECENT = 60;            // points in a trend
const SHOWN_RESULTS = 5;      // results on a plugin's card
const OLD_AFTER_MS = 15_000;  // a value older than this is shown as old
const RETRY_MS = [500, 1000, 2000, 5000, 10_000];

const sensors = new Map();    // id -> {reading, recent, card}
const plugins = new Map();    // id -> {plugin, results, card}
let attempt = 0;
let open = false;
let heard = 0;                // when the last message came, by the page's own clock
let skew = 0;                 // server's clock minus ours, so that ages are right on any machine

const find = (id) => document.getElementById(id);
const stamp = (id) => find(id).content.firstElementChild.cloneNode(true);

function connect() {
  const address = new URL("ws", document.baseURI);
  address.protocol = address.protocol.replace("http", "ws");
  const socket = new WebSocket(address);
  socket.addEventListener("open", () => { open = true; attempt = 0; heard = Date.now(); tick(); });
  socket.addEventListener("message", (event) => { heard = Date.now(); receive(JSON.parse(event.data)); });
  socket.addEventListener("close", () => {
    open = false;
    const wait = RETRY_MS[Math.min(attempt++, RETRY_MS.length - 1)];
    setTimeout(connect, wait * (0.75 + Math.random() / 2));
    tick();
  });
}

function receive(message) {
  const handlers = {
    "snapshot": startAfresh,
    "reading": (m) => takeReading(m.reading),
    "plugin": (m) => takePlugin(m.plugin),
    "plugin-removed": (m) => dropPlugin(m.plugin),
    "result": (m) => takeResult(m.plugin, m.result),
  };
  handlers[message.type]?.(message);
  tick();
}

function startAfresh(snapshot) {
  sensors.clear();
  plugins.clear();
  find("sensors").replaceChildren();
  find("plugins").replaceChildren();
  for (const sensor of snapshot.sensors) {
    const entry = sensorEntry(sensor.id);
    entry.recent = sensor.recent;
    showReading(entry, sensor);
  }
  for (const plugin of snapshot.plugins) {
    takePlugin(plugin);
    for (const result of plugin.results.toReversed()) takeResult(plugin.id, result);
  }
}

function takeReading(reading) {
  skew = Date.parse(reading.at) - Date.now();
  const entry = sensorEntry(reading.sensor);
  const last = entry.recent.at(-1);
  // What came between the snapshot's start and its end arrives twice.
  if (last && reading.id <= last.id) return;
  entry.recent = [...entry.recent, { id: reading.id, value: reading.value }].slice(-RECENT);
  showReading(entry, reading);
}

function sensorEntry(id) {
  if (!sensors.has(id)) {
    const card = stamp("sensor-card");
    card.querySelector("h3").textContent = id;
    insertByName(find("sensors"), card, id);
    sensors.set(id, { recent: [], card });
  }
  return sensors.get(id);
}

function showReading(entry, reading) {
  const number = entry.card.querySelector("data");
  number.value = reading.value;
  // The same number of digits each time, so that a value does not jump about.
  const digits = Number.isInteger(reading.value) ? 0 : 2;
  number.textContent = reading.value.toLocaleString(undefined, { minimumFractionDigits: digits, maximumFractionDigits: digits });
  entry.card.querySelector(".unit").textContent = reading.unit;
  setTime(entry.card.querySelector("time"), reading.at);
  drawTrend(entry);
}

function drawTrend({ card, recent }) {
  const values = recent.map((point) => point.value);
  const low = Math.min(...values);
  const span = Math.max(...values) - low || 1;
  const step = 120 / Math.max(values.length - 1, 1);
  const points = values.map((value, i) => `${(i * step).toFixed(1)},${(29 - 26 * (value - low) / span).toFixed(1)}`);
  const line = points.length > 1 ? `M${points.join("L")}` : "";
  card.querySelector(".line").setAttribute("d", line);
  card.querySelector(".area").setAttribute("d", line && `${line}L120,32L0,32Z`);
}

function takePlugin(plugin) {
  let entry = plugins.get(plugin.id);
  if (!entry) {
    entry = { results: new Set(), card: stamp("plugin-card") };
    entry.card.querySelector("h3").textContent = plugin.name;
    insertByName(find("plugins"), entry.card, plugin.name);
    plugins.set(plugin.id, entry);
  }
  entry.card.querySelector(".about").textContent = plugin.description;
}

function dropPlugin(id) {
  plugins.get(id)?.card.remove();
  plugins.delete(id);
}

function takeResult(plugin, result) {
  const entry = plugins.get(plugin);
  if (!entry || entry.results.has(result.id)) return;
  entry.results.add(result.id);
  const row = stamp("result-row");
  const level = row.querySelector(".level");
  level.dataset.level = result.level;
  level.textContent = { ok: "✓ OK", notice: "● Notice", warning: "▲ Warning" }[result.level];
  row.querySelector(".summary").textContent = result.summary;
  setTime(row.querySelector("time"), result.at);
  const list = entry.card.querySelector(".results");
  list.prepend(row);
  while (list.children.length > SHOWN_RESULTS) list.lastElementChild.remove();
  entry.card.querySelector(".waiting").hidden = true;
}

function insertByName(list, card, name) {
  card.dataset.name = name;
  const after = [...list.children].find((other) => other.dataset.name.localeCompare(name) > 0);
  list.insertBefore(card, after ?? null);
}

function setTime(element, at) {
  element.dateTime = at;
  element.title = new Date(at).toLocaleString();
}

function age(at) {
  const seconds = Math.max(0, Math.round((Date.now() + skew - Date.parse(at)) / 1000));
  if (seconds < 2) return "just now";
  if (seconds < 60) return `${seconds} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ago`;
  return `${Math.floor(seconds / 86_400)} d ago`;
}

function tick() {
  for (const element of document.querySelectorAll("time[datetime]")) element.textContent = age(element.dateTime);
  for (const { card } of sensors.values()) {
    const at = Date.parse(card.querySelector("time").dateTime);
    card.classList.toggle("old", !open || Date.now() + skew - at > OLD_AFTER_MS);
  }
  find("no-sensors").hidden = sensors.size > 0;
  find("no-plugins").hidden = plugins.size > 0;
  find("sensor-count").textContent = sensors.size || "";
  find("plugin-count").textContent = plugins.size || "";
  showConnection();
}

function showConnection() {
  const pill = find("connection");
  // One text per state: a screen reader says it once, not every second.
  const since = new Date(heard).toLocaleTimeString();
  const [state, text] = !open
    ? [attempt ? "away" : "connecting", attempt ? "Not connected, trying again" : "Connecting"]
    : Date.now() - heard > OLD_AFTER_MS ? ["stale", `Silent since ${since}`] : ["live", "Live"];
  if (pill.textContent === text) return;
  pill.dataset.state = state;
  pill.textContent = text;
}

setInterval(tick, 1000);
connect();
