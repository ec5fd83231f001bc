// The output as lines. A line gets its number when its first character arrives; what a stream writes later
// to its unfinished line continues it there, even if the other stream has written lines since.
import { PLAIN, plain, styleAfter } from "./ansi.js";

const OVERLAY_LIMIT = 4096; // longer lines are replaced by a carriage return, not written over

/** What a browser holds at most; the beginning is let go first (the download has all of it). */
export const KEEP = { lines: 800_000, characters: 96_000_000 };

/** What a line shows: a progress bar's new text over what is left of its old one. */
export function shown(line) {
  if (!line.under || line.under.length <= line.text.length) return line.text;
  return line.text + line.under.slice(line.text.length);
}

/** What a line says, without escape sequences. */
export const said = (line) => plain(shown(line));

export class Lines {
  /** `before` lines came before the first text that is fed; `halfway` is the stream that is within one of them there. */
  constructor({ keep = KEEP, before = 0, halfway = "" } = {}) {
    this.keep = keep;
    this.list = []; // {stream, text, style, under}, or {isMark, stream, text}: said by the portal, without a number
    this.marks = []; // where those are, counted from the first line there ever was
    this.dropped = before; // lines that are not here, at the beginning; line numbers do not change by it
    this.skipping = { out: halfway === "out", err: halfway === "err" };
    this.longest = 0;
    this.characters = 0;
    this.changed = new Set(); // indexes of lines that were continued since the last `takeChanged`
    this.open = { out: null, err: null };
    this.styles = { out: PLAIN, err: PLAIN };
    this.returned = { out: false, err: false };
  }

  get length() {
    return this.list.length;
  }

  /** How many lines of the script there were so far. */
  get total() {
    return this.dropped + this.list.length - this.marks.length;
  }

  /** The number of the line at an index, counted from 1; a mark has that of the line before it. */
  numberOf(index) {
    const place = this.dropped + index;
    return place + 1 - this.marks.filter((mark) => mark <= place).length;
  }

  /** The index of the line with a number; may lie outside of the list. */
  indexOf(number) {
    let place = number - 1;
    for (const mark of this.marks) if (mark <= place) place += 1;
    return place - this.dropped;
  }

  /** Puts words of the portal behind what is there; of one stream, or of "both". */
  mark(stream, text) {
    this.marks.push(this.dropped + this.list.length);
    this.list.push({ isMark: true, stream, text, style: PLAIN, under: "" });
    this.characters += text.length;
    this.longest = Math.max(this.longest, text.length);
  }

  /** Takes text of one stream ("out" or "err") as it comes: any cut is fine. */
  feed(stream, text) {
    let from = 0;
    if (this.skipping[stream]) {
      from = text.indexOf("\n") + 1;
      if (!from) return;
      this.skipping[stream] = false;
    }
    this.characters += text.length - from;
    while (from < text.length) {
      const cut = text.indexOf("\n", from);
      this.#write(stream, cut < 0 ? text.slice(from) : text.slice(from, cut));
      if (cut < 0) break;
      this.#close(stream);
      from = cut + 1;
    }
  }

  /** Lets go of the beginning where there is too much; returns how many lines went. */
  trim() {
    if (this.list.length <= this.keep.lines && this.characters <= this.keep.characters) return 0;
    const least = Math.ceil(this.list.length / 8);
    const many = Math.min(this.list.length - 1, Math.max(least, this.list.length - this.keep.lines));
    if (many <= 0) return 0;
    const gone = this.list.splice(0, many);
    for (const line of gone) this.characters -= line.text.length + 1;
    this.dropped += many;
    for (const stream of ["out", "err"]) {
      if (gone.includes(this.open[stream]?.line)) {
        this.open[stream] = null;
        this.skipping[stream] = true; // the rest of a line that is not here any more
      } else if (this.open[stream]) this.open[stream].index -= many;
    }
    this.changed.clear();
    return many;
  }

  /** Indexes of lines that changed after they had been there; asking forgets them. */
  takeChanged() {
    const indexes = [...this.changed];
    this.changed.clear();
    return indexes;
  }

  #write(stream, piece) {
    let open = this.open[stream];
    if (open) {
      this.changed.add(open.index);
    } else {
      const line = { stream, text: "", style: this.styles[stream], under: "" };
      open = this.open[stream] = { line, index: this.list.push(line) - 1 };
    }
    if (!this.returned[stream] && !piece.includes("\r")) open.line.text += piece;
    else this.#overwrite(stream, open.line, piece.split("\r"));
    this.longest = Math.max(this.longest, open.line.text.length);
  }

  #overwrite(stream, line, parts) {
    parts.forEach((part, index) => {
      if (index > 0) this.returned[stream] = true;
      if (!part) return;
      if (this.returned[stream]) {
        const before = shown(line);
        const simple = before.length <= OVERLAY_LIMIT && !before.includes("\x1b") && !part.includes("\x1b");
        line.style = styleAfter(before, line.style);
        line.under = simple ? before : "";
        line.text = part;
        this.returned[stream] = false;
      } else line.text += part;
    });
  }

  #close(stream) {
    const { line } = this.open[stream];
    line.text = shown(line);
    line.under = "";
    this.styles[stream] = styleAfter(line.text, line.style);
    this.open[stream] = null;
    this.returned[stream] = false;
  }
}
