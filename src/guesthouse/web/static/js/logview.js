// Shows a log of any length. Lines are kept as values; only blocks near the window are drawn, others
// are empty boxes as high as they were, so that a hundred thousand lines scroll like a hundred.
import { pieces } from "./logtext.js";

const BLOCK = 200;
const LINE_PX = 20;
const NEAR = "1500px";

export class LogView {
  constructor(view) {
    this.view = view;
    this.lines = [];
    this.blocks = [];
    this.found = new Set();
    this.current = 0;
    this.target = 0;
    this.follows = true;
    this.waiting = false;
    this.observer = new IntersectionObserver((entries) => this.#seen(entries), { root: view, rootMargin: NEAR });
  }

  get last() {
    return this.lines.length ? this.lines[this.lines.length - 1].sequence : 0;
  }

  add(line) {
    this.lines.push(line);
    if (this.waiting) return;
    this.waiting = true;
    requestAnimationFrame(() => this.#draw());
  }

  // Heights are no longer what they were: lines wrap, or do not.
  reflow() {
    for (const block of this.blocks) {
      if (!block.drawn) block.element.style.height = `${this.#size(block) * LINE_PX}px`;
    }
    if (this.follows) this.toEnd();
  }

  toEnd() {
    this.view.scrollTop = this.view.scrollHeight;
  }

  // Draw a line wherever it is and bring it into the middle.
  goTo(sequence) {
    const block = this.blocks[Math.floor((sequence - 1) / BLOCK)];
    if (!block) return false;
    this.#fill(block);
    const element = block.element.children[(sequence - 1) % BLOCK];
    if (!element) return false;
    element.scrollIntoView({ block: "center" });
    return true;
  }

  mark({ found = this.found, current = this.current, target = this.target }) {
    Object.assign(this, { found, current, target });
    for (const block of this.blocks) {
      if (!block.drawn) continue;
      for (const element of block.element.children) this.#marked(element);
    }
  }

  #draw() {
    this.waiting = false;
    const drawn = this.blocks.reduce((sum, block) => sum + block.size, 0);
    for (let index = drawn; index < this.lines.length; index += 1) {
      const number = Math.floor(index / BLOCK);
      const block = this.blocks[number] ?? this.#newBlock(number);
      block.size += 1;
      if (block.drawn) block.element.append(this.#line(this.lines[index]));
      else block.element.style.height = `${block.size * LINE_PX}px`;
    }
    if (this.follows) this.toEnd();
    this.view.dispatchEvent(new CustomEvent("log:drawn"));
  }

  #newBlock(number) {
    const element = document.createElement("div");
    element.className = "log__block";
    const block = { number, element, size: 0, drawn: false };
    element.block = block;
    this.blocks.push(block);
    this.view.append(element);
    this.observer.observe(element);
    return block;
  }

  #size(block) {
    return block.size;
  }

  #seen(entries) {
    for (const entry of entries) {
      const block = entry.target.block;
      if (entry.isIntersecting) this.#fill(block);
      else if (block.drawn && entry.boundingClientRect.height > 0) this.#empty(block, entry.boundingClientRect.height);
    }
    if (this.follows) this.toEnd();
  }

  #fill(block) {
    if (block.drawn) return;
    block.drawn = true;
    const start = block.number * BLOCK;
    block.element.style.height = "";
    block.element.replaceChildren(...this.lines.slice(start, start + block.size).map((line) => this.#line(line)));
  }

  #empty(block, height) {
    block.drawn = false;
    block.element.style.height = `${height}px`;
    block.element.replaceChildren();
  }

  // Every byte of a line becomes the text of a node; class names are ours alone.
  #line(line) {
    const element = document.createElement("div");
    const before = this.lines[line.sequence - 2];
    element.className = "line";
    if (line.stream === "note") element.classList.add("line--note");
    if (!before || before.step !== line.step) element.classList.add("line--step");
    if (!before) element.classList.add("line--first");
    element.sequence = line.sequence;
    const number = document.createElement("a");
    number.className = "line__number";
    number.href = `#L${line.sequence}`;
    number.tabIndex = -1;
    number.textContent = line.sequence;
    const time = document.createElement("span");
    time.className = "line__time";
    time.textContent = line.at.slice(11, 23);
    const text = document.createElement("span");
    text.className = "line__text";
    for (const piece of pieces(line.text)) {
      const span = document.createElement("span");
      span.textContent = piece.text;
      if (piece.names.length) span.classList.add(...piece.names);
      text.append(piece.names.length ? span : piece.text);
    }
    element.append(number, time, text);
    this.#marked(element);
    return element;
  }

  #marked(element) {
    const { sequence } = element;
    element.classList.toggle("line--found", this.found.has(sequence));
    element.classList.toggle("line--current", sequence === this.current);
    element.classList.toggle("line--target", sequence === this.target);
  }
}
