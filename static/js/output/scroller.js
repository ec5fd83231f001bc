// Shows a long list by making only the rows that can be seen. Rows have one height each, or, wrapped,
// as many as their text fills: estimated from its length, corrected once a row was really shown.

const OVERSCAN = 12;

/** Row heights with fast sums: a Fenwick tree over whole text rows. */
class Heights {
  constructor() {
    this.values = [];
    this.tree = [0];
  }

  push(value) {
    this.values.push(value);
    const at = this.values.length;
    let sum = value;
    for (let child = at - 1; child > at - (at & -at); child -= child & -child) sum += this.tree[child];
    this.tree.push(sum);
  }

  set(index, value) {
    const change = value - this.values[index];
    this.values[index] = value;
    for (let at = index + 1; at < this.tree.length; at += at & -at) this.tree[at] += change;
  }

  before(index) {
    let sum = 0;
    for (let at = index; at > 0; at -= at & -at) sum += this.tree[at];
    return sum;
  }

  at(offset) {
    let index = 0;
    let left = offset;
    let step = 1;
    while (step * 2 < this.tree.length) step *= 2;
    for (; step; step >>= 1) {
      if (index + step < this.tree.length && this.tree[index + step] <= left) {
        index += step;
        left -= this.tree[index];
      }
    }
    return index;
  }
}

export class Scroller {
  /** `makeRow(position)` gives a row's element, `lengthOf(position)` the characters of its text. */
  constructor(viewport, makeRow, lengthOf) {
    this.viewport = viewport;
    this.makeRow = makeRow;
    this.lengthOf = lengthOf;
    this.sizer = viewport.appendChild(document.createElement("div"));
    this.sizer.className = "output-sizer";
    this.rows = this.sizer.appendChild(document.createElement("div"));
    this.rows.className = "output-rows";
    this.elements = new Map();
    this.count = 0;
    this.wrapped = false;
    this.heights = null;
    this.longest = 0;
    this.#measure();
    viewport.addEventListener("scroll", () => this.render(), { passive: true });
    new ResizeObserver(() => this.#resized()).observe(viewport);
  }

  /** Tells that there are `count` rows now, the longest with `longest` characters. */
  grow(count, longest) {
    if (count < this.count) return this.reset(count, longest);
    for (let at = this.heights ? this.heights.values.length : count; at < count; at += 1) {
      this.heights.push(this.#estimate(at));
    }
    this.count = count;
    this.longest = longest;
    this.#size();
    return this.render();
  }

  /** Forgets every row: the list is another one now. */
  reset(count, longest) {
    this.elements.forEach((element) => element.remove());
    this.elements.clear();
    this.count = 0;
    this.heights = this.wrapped ? new Heights() : null;
    this.viewport.classList.toggle("is-wrapped", this.wrapped);
    this.grow(count, longest);
  }

  /** Makes these rows again where they are shown; without positions: all. */
  refresh(positions = [...this.elements.keys()]) {
    for (const position of positions) {
      this.elements.get(position)?.remove();
      this.elements.delete(position);
    }
    this.render();
  }

  wrap(on) {
    const top = this.first();
    this.wrapped = on;
    this.reset(this.count, this.longest);
    this.show(top, "start");
  }

  /** The first position that is in view. */
  first() {
    return this.#positionAt(this.viewport.scrollTop);
  }

  get isAtEnd() {
    const { scrollTop, clientHeight, scrollHeight } = this.viewport;
    return scrollTop + clientHeight >= scrollHeight - this.line;
  }

  toEnd() {
    this.viewport.scrollTop = this.viewport.scrollHeight;
    this.render();
  }

  /** Scrolls a position into view: in the middle, or to the top with "start"; does nothing if it is in view. */
  show(position, where = "middle") {
    const top = this.#offsetOf(position);
    const { scrollTop, clientHeight } = this.viewport;
    const inView = top >= scrollTop && top + this.line <= scrollTop + clientHeight;
    if (where === "start") this.viewport.scrollTop = top;
    else if (!inView) this.viewport.scrollTop = Math.max(0, top - clientHeight / 2);
    this.render();
    if (this.heights && where !== "start") this.elements.get(position)?.scrollIntoView({ block: "nearest" });
  }

  render() {
    const height = this.viewport.clientHeight;
    if (!height) return;
    const top = this.viewport.scrollTop;
    const from = Math.max(0, this.#positionAt(top) - OVERSCAN);
    const to = Math.min(this.count, this.#positionAt(top + height) + 1 + OVERSCAN);
    for (const [position, element] of this.elements) {
      if (position < from || position >= to) {
        element.remove();
        this.elements.delete(position);
      }
    }
    this.#fill(from, to);
    this.rows.style.transform = `translateY(${this.#offsetOf(from)}px)`;
    if (this.heights) this.#correct(from);
  }

  #fill(from, to) {
    let before = null; // rows stay in order: walk backwards and insert in front
    for (let position = to - 1; position >= from; position -= 1) {
      let element = this.elements.get(position);
      if (!element) {
        element = this.makeRow(position);
        this.elements.set(position, element);
        this.rows.insertBefore(element, before);
      }
      before = element;
    }
  }

  #correct(from) {
    let moved = false;
    for (const [position, element] of this.elements) {
      const rows = Math.max(1, Math.round(element.offsetHeight / this.line));
      if (rows !== this.heights.values[position]) {
        this.heights.set(position, rows);
        moved = true;
      }
    }
    if (!moved) return;
    this.#size();
    this.rows.style.transform = `translateY(${this.#offsetOf(from)}px)`;
  }

  #size() {
    const rows = this.heights ? this.heights.before(this.count) : this.count;
    this.sizer.style.height = `${rows * this.line}px`;
    this.sizer.style.width = this.wrapped ? "" : `${(this.longest + 12) * this.character}px`;
  }

  #resized() {
    if (!this.viewport.clientWidth) return;
    const width = this.columns;
    this.#measure();
    if (this.wrapped && width !== this.columns) this.wrap(true);
    else this.render();
  }

  #measure() {
    const probe = document.createElement("span");
    probe.textContent = "0".repeat(100);
    this.rows.append(probe);
    this.character = probe.getBoundingClientRect().width / 100 || 8;
    probe.remove();
    this.line = parseFloat(getComputedStyle(this.viewport).lineHeight) || 20;
    this.columns = Math.max(20, Math.floor(this.viewport.clientWidth / this.character) - 12);
  }

  #estimate(position) {
    return Math.max(1, Math.ceil(this.lengthOf(position) / this.columns));
  }

  #offsetOf(position) {
    return (this.heights ? this.heights.before(position) : position) * this.line;
  }

  #positionAt(offset) {
    const rows = Math.floor(offset / this.line);
    return Math.min(Math.max(0, this.count - 1), this.heights ? this.heights.at(rows) : rows);
  }
}
