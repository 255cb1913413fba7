// What a program printed, as pieces of text with class names of ours; pure, so it can be tested alone.
//
// Colours (SGR) are taken from a whitelist. Every other control sequence is dropped where it only
// moves a cursor, and shown where it could mislead: a reader must see that something is there.

const SEQUENCE = /\x1b\[([0-9;:<=>?]*)([ -/]*)([@-~])|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\|$)|\x1b[PX^_][^\x1b]*(?:\x1b\\|$)|\x1b[ -/]*[0-~]?|\x9b[0-9;:<=>?]*[ -/]*[@-~]/g;
// Controls (C0 but for the tab, DEL, C1), bidi and zero-width marks, line separators, interlinear marks.
const INVISIBLE = /[\u0000-\u0008\u000a-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/g;
const NAMED = new Map([[0x7f, "\u2421"]]);

export function pieces(text) {
  const found = [];
  let style = new Set();
  let last = 0;
  for (const match of text.matchAll(SEQUENCE)) {
    plain(text.slice(last, match.index), style, found);
    last = match.index + match[0].length;
    if (match[3] === "m" && !match[2]) style = styled(style, match[1]);
    else if (match[3] === undefined) found.push({ text: "\u241b", names: ["line__hidden"] });
  }
  plain(text.slice(last), style, found);
  return found;
}

function plain(text, style, found) {
  let last = 0;
  const names = [...style];
  for (const match of text.matchAll(INVISIBLE)) {
    if (match.index > last) found.push({ text: text.slice(last, match.index), names });
    found.push({ text: shown(match[0].codePointAt(0)), names: ["line__hidden"] });
    last = match.index + match[0].length;
  }
  if (last < text.length) found.push({ text: text.slice(last), names });
}

function shown(code) {
  if (code < 0x20) return String.fromCodePoint(0x2400 + code);
  return NAMED.get(code) ?? `\u27e8${code.toString(16).toUpperCase().padStart(4, "0")}\u27e9`;
}

const WEIGHTS = new Map([[1, "sgr-bold"], [2, "sgr-dim"], [3, "sgr-italic"], [4, "sgr-underline"]]);

function styled(before, parameters) {
  const style = new Set(before);
  const codes = (parameters || "0").split(/[;:]/).map(Number);
  for (let index = 0; index < codes.length; index += 1) {
    const code = codes[index];
    if (code === 38 || code === 48) index += codes[index + 1] === 5 ? 2 : 4; // other palettes are not ours
    else if (code === 0) style.clear();
    else if (WEIGHTS.has(code)) style.add(WEIGHTS.get(code));
    else if (code === 22) drop(style, "sgr-bold", "sgr-dim");
    else if (code === 23) drop(style, "sgr-italic");
    else if (code === 24) drop(style, "sgr-underline");
    else if ((code >= 30 && code <= 37) || (code >= 90 && code <= 97)) colour(style, code);
    else if (code === 39) colour(style, null);
  }
  return style;
}

function drop(style, ...names) {
  for (const name of names) style.delete(name);
}

function colour(style, code) {
  for (const name of style) if (/^sgr-\d/.test(name)) style.delete(name);
  if (code !== null) style.add(`sgr-${code}`);
}
