// One line as an element: its number is a link, its text is cut where it is very long, matches are marked.
import { inked, parse } from "./ansi.js";
import { shown } from "./lines.js";

/** Longer lines are cut on the page; a button shows the whole line. */
export const CUT = 10_000;

/** `query` begins the line's address; `marks` are [{column, isCurrent}] in order, `width` is the length of each. */
export function makeRow(line, { number, query, marks, width, isMarked, isWhole }) {
  if (line.isMark) return markRow(line.text);
  const row = document.createElement("div");
  row.className = "line";
  row.classList.toggle("line-err", line.stream === "err");
  row.classList.toggle("is-marked", isMarked);
  const link = row.appendChild(document.createElement("a"));
  link.className = "line-number";
  link.id = `L${number}`;
  link.href = `?${query}line=${number}#L${number}`;
  link.textContent = String(number);
  link.tabIndex = -1; // thousands of tab stops help nobody; the log itself takes the keyboard
  const text = row.appendChild(document.createElement("span"));
  text.className = "line-text";
  const raw = shown(line);
  const rest = write(text, isWhole ? raw : raw.slice(0, CUT * 4), line, { marks, width, most: isWhole ? Infinity : CUT });
  if (rest || (!isWhole && raw.length > CUT * 4)) row.append(wholeButton(number, raw.length));
  return row;
}

/** A line without a number, shown as a whole. */
export function plainRow(line) {
  const row = document.createElement("div");
  row.className = "line";
  row.classList.toggle("line-err", line.stream === "err");
  row.appendChild(document.createElement("span")).className = "line-gutter";
  const text = row.appendChild(document.createElement("span"));
  text.className = "line-text";
  write(text, shown(line), line, { marks: [], width: 0, most: Infinity });
  return row;
}

export function markRow(words) {
  const row = document.createElement("div");
  row.className = "output-mark";
  row.setAttribute("role", "note");
  row.textContent = words;
  return row;
}

function wholeButton(number, length) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "line-whole";
  button.dataset.whole = String(number);
  button.textContent = `Show whole line (${length.toLocaleString("en")} characters)`;
  return button;
}

/** Writes the segments, split where a match begins or ends; true when something was cut off. */
function write(into, raw, line, { marks, width, most }) {
  let column = 0;
  let next = 0;
  for (const { text, style } of parse(raw, line.style).segments) {
    let at = 0;
    while (at < text.length) {
      if (column >= most) return true;
      while (next < marks.length && marks[next].column + width <= column) next += 1;
      const mark = marks[next];
      const inside = mark && mark.column <= column;
      const stop = mark ? (inside ? mark.column + width : mark.column) : Infinity;
      const take = Math.min(text.length - at, stop - column, most - column);
      const piece = inked(text.slice(at, at + take), style);
      into.append(inside ? marked(piece, mark.isCurrent) : piece);
      at += take;
      column += take;
    }
  }
  return false;
}

function marked(piece, isCurrent) {
  const mark = document.createElement("mark");
  mark.classList.toggle("is-current", isCurrent);
  mark.append(piece);
  return mark;
}

/** The line that the page's address names; NaN where it names none. */
export function numberInAddress() {
  return Number(/^#L(\d+)$/.exec(location.hash)?.[1]);
}
