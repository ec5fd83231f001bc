// Finds text in all lines, also in those that are not on the page, a few milliseconds at a time.
import { said } from "./lines.js";

const SLICE_MS = 12;
const MOST = 100_000;

export class Search {
  /** `pick(index)` says whether a line is among those that are shown. */
  constructor(lines, pick) {
    this.lines = lines;
    this.pick = pick;
    this.start("");
  }

  /** Begins anew; an empty query finds nothing. */
  start(query) {
    this.query = query;
    // Letters in either case; everything else means itself, so that the scan stays linear.
    this.pattern = query ? new RegExp(query.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&"), "giu") : null;
    this.hits = []; // {index, column}, in order
    this.next = 0;
    this.current = -1;
  }

  get isComplete() {
    return !this.pattern || this.next >= this.lines.length;
  }

  /** Goes on for a moment; true when all lines that are there have been looked at. */
  work() {
    const until = performance.now() + SLICE_MS;
    while (!this.isComplete && this.hits.length < MOST) {
      this.#scan(this.next, this.hits);
      this.next += 1;
      if (this.next % 256 === 0 && performance.now() > until) return false;
    }
    this.next = Math.max(this.next, this.hits.length < MOST ? 0 : this.lines.length);
    return this.isComplete;
  }

  /** Looks again at a line that has grown since. */
  again(index) {
    if (!this.pattern || index >= this.next) return;
    const from = this.#firstAt(index);
    const to = this.#firstAt(index + 1);
    const found = [];
    this.#scan(index, found);
    this.hits.splice(from, to - from, ...found);
    if (this.current >= this.hits.length) this.current = this.hits.length - 1;
  }

  /** The columns where a line matches. */
  columnsOf(index) {
    if (!this.pattern) return [];
    const columns = [];
    for (let at = this.#firstAt(index); at < this.hits.length && this.hits[at].index === index; at += 1) {
      columns.push({ column: this.hits[at].column, isCurrent: at === this.current });
    }
    return columns;
  }

  /** Makes the next (or previous) match the current one, the first time the one nearest below `index`. */
  step(by, index = 0) {
    if (!this.hits.length) return null;
    if (this.current < 0) {
      const near = this.#firstAt(index);
      this.current = by > 0 ? near % this.hits.length : (near + this.hits.length - 1) % this.hits.length;
    } else {
      this.current = (this.current + by + this.hits.length) % this.hits.length;
    }
    return this.hits[this.current];
  }

  #scan(index, into) {
    if (this.lines.list[index].isMark || !this.pick(index)) return;
    for (const match of said(this.lines.list[index]).matchAll(this.pattern)) {
      into.push({ index, column: match.index });
    }
  }

  #firstAt(index) {
    let low = 0;
    let high = this.hits.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.hits[middle].index < index) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** "/" leads to the input, wherever nothing is typed. */
export function focusBySlash(input) {
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest?.("input, textarea, select, [contenteditable]");
    if (event.key !== "/" || typing || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    input.focus();
    input.select();
  });
}
