// Which of the lines are shown: all, or those of one stream. Positions count the shown ones, indexes all.
export class Chosen {
  constructor(lines, stream) {
    this.lines = lines;
    this.choose(stream);
  }

  /** Lines of "all", "out" or "err". To be called again when lines were dropped. */
  choose(stream) {
    this.stream = stream;
    this.picks = stream === "all" ? null : []; // indexes, where not all are shown
    this.picked = 0;
    this.marks = 0;
    this.more();
  }

  /** Takes in the lines that have come. */
  more() {
    if (!this.picks) return;
    for (; this.picked < this.lines.length; this.picked += 1) {
      if (!this.has(this.picked)) continue;
      this.picks.push(this.picked);
      if (this.lines.list[this.picked].isMark) this.marks += 1;
    }
  }

  has(index) {
    const { stream } = this.lines.list[index];
    return this.stream === "all" || stream === this.stream || stream === "both";
  }

  get count() {
    return this.picks ? this.picks.length : this.lines.length;
  }

  /** What is shown, in order. */
  get list() {
    return this.picks ? this.picks.map((index) => this.lines.list[index]) : this.lines.list;
  }

  indexAt(position) {
    return this.picks ? this.picks[position] : position;
  }

  /** The position of a line, or of the nearest one below it that is shown. */
  positionOf(index) {
    if (!this.picks) return index;
    let low = 0;
    let high = this.picks.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.picks[middle] < index) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
