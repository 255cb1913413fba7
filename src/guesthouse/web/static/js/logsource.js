// Follows a run's log over reconnects: a line is shown once, in order, or asked for again.
const FIRST_MS = 500;
const LONGEST_MS = 8000;

export class LogSource {
  constructor(address, { onLine, onStep, onEnd, onState }) {
    Object.assign(this, { address, onLine, onStep, onEnd, onState });
    this.last = 0;
    this.delay = FIRST_MS;
    this.ended = false;
  }

  open() {
    const source = new EventSource(`${this.address}?follow=true&after=${this.last}`);
    this.source = source;
    source.onopen = () => {
      this.delay = FIRST_MS;
      this.onState("live");
    };
    source.addEventListener("line", (event) => this.#line(JSON.parse(event.data)));
    source.addEventListener("step", (event) => this.onStep(JSON.parse(event.data)));
    source.addEventListener("end", (event) => {
      this.ended = true;
      source.close();
      this.onState("complete");
      this.onEnd(JSON.parse(event.data));
    });
    // The browser tries again by itself, but gives up on some failures and waits as long as it likes.
    source.onerror = () => this.#again();
  }

  #line(line) {
    if (line.sequence <= this.last) return; // had it before the connection broke
    if (line.sequence > this.last + 1) {
      this.#again(); // one is missing: go on from where we are
      return;
    }
    this.last = line.sequence;
    this.onLine(line);
  }

  #again() {
    if (this.ended) return;
    this.source.close();
    this.onState("stale");
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.open(), this.delay);
    this.delay = Math.min(this.delay * 2, LONGEST_MS);
  }
}
