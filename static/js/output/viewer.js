// The live view of a job's output: takes over from the lines that the server wrote into the page.
import { Chosen } from "./chosen.js";
import { FollowButton } from "./follow.js";
import { Lines, said, shown } from "./lines.js";
import { Newest } from "./newest.js";
import { CUT, makeRow, numberInAddress } from "./row.js";
import { Scroller } from "./scroller.js";
import { Search, focusBySlash } from "./search.js";
import { OutputSource } from "./source.js";

const STREAMS = { stdout: "out", stderr: "err", out: "out", err: "err" };
const MARKED = { "out-mark": "out", "err-mark": "err" };
const NAMES = { all: "all", out: "stdout", err: "stderr" };

export class OutputViewer {
  constructor(section) {
    this.part = (name) => section.querySelector(`[data-output-${name}]`);
    this.section = section;
    const { livePlace = "0,0", linesBefore, halfway } = section.dataset;
    this.lines = new Lines({ before: Number(linesBefore) || 0, halfway: STREAMS[halfway] });
    this.stream = STREAMS[section.dataset.stream] || "all";
    this.chosen = new Chosen(this.lines, this.stream);
    this.search = new Search(this.lines, (index) => this.chosen.has(index));
    this.newest = new Newest();
    this.whole = new Set(); // numbers of lines that are shown uncut
    this.marked = 0;
    this.wasAt = 0;
    this.isStarted = false;
    this.isOver = false;
    this.viewport = this.part("viewer");
    this.followButton = new FollowButton(this.part("follow"), section.dataset.jobFinished === "yes", (on) => this.#wish(on));
    this.#follow(true);
    this.#dress();
    this.#mark(numberInAddress() || Number(section.dataset.line));
    this.#controls();
    this.source = new OutputSource(section.dataset.outputUrl, livePlace, {
      take: (chunks) => this.take(chunks),
      ended: (marks) => this.#ended(marks),
      soFar: (words, newest) => this.#sayMore(words, newest),
      lost: (isLost) => this.#lost(isLost),
      refused: () => this.#refused(),
    });
  }

  /** Takes [[stream, text], …] and shows it with the next frame. */
  take(chunks) {
    for (const [stream, text] of chunks) {
      if (MARKED[stream]) this.lines.mark(MARKED[stream], text);
      else this.lines.feed(STREAMS[stream], text);
    }
    if (chunks.some(([stream]) => MARKED[stream])) this.newest.show(this.stream, []); // they come now
    this.#later();
  }

  /** Shows lines of "all", "out" or "err" only; their numbers stay. */
  choose(stream) {
    const number = this.scroller && this.count ? this.lines.numberOf(this.chosen.indexAt(this.scroller.first())) : 0;
    this.stream = stream;
    this.part("search-stream").value = NAMES[stream];
    this.chosen.choose(this.stream);
    this.search.start(this.search.query);
    this.scroller?.reset(this.count, this.#longest());
    this.newest.show(stream);
    if (this.following) this.#toEnd();
    else this.#showNumber(number, "start");
    for (const link of this.section.querySelectorAll("[data-stream-link]")) {
      if (link.dataset.streamLink === stream) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
    this.#update();
  }

  get count() {
    return this.chosen.count;
  }

  #dress() {
    this.viewport.tabIndex = 0;
    this.viewport.setAttribute("role", "log");
    this.viewport.setAttribute("aria-live", "off"); // nobody wants 100,000 lines read out
    this.viewport.setAttribute("aria-label", "Output of the job");
  }

  #start() {
    this.isStarted = true;
    this.part("static").remove(); // its line ids are ours now
    this.viewport.hidden = false;
    this.scroller = new Scroller(this.viewport, (position) => this.#row(position), (position) => this.#length(position));
    this.viewport.append(this.newest.element);
    this.viewport.addEventListener("scroll", () => this.#scrolled(), { passive: true });
  }

  #later() {
    if (this.waiting) return;
    this.waiting = true;
    const run = () => {
      this.waiting = false;
      this.#update();
    };
    if (document.hidden) setTimeout(run, 200);
    else requestAnimationFrame(run);
  }

  #update() {
    if (!this.isStarted) {
      if (!this.lines.length) return;
      this.#start();
    }
    if (this.lines.trim()) this.#trimmed();
    const changed = this.lines.takeChanged();
    changed.forEach((index) => this.search.again(index));
    this.chosen.more();
    this.scroller.grow(this.count, this.#longest());
    if (changed.length) this.scroller.refresh(changed.map((index) => this.chosen.positionOf(index)));
    this.#reachMark();
    if (this.following) this.#toEnd();
    this.#seek();
    this.#tell();
  }

  #trimmed() {
    this.chosen.choose(this.stream);
    this.search.start(this.search.query);
    this.scroller.reset(this.count, this.#longest());
  }

  // Rows

  #length(position) {
    const index = this.chosen.indexAt(position);
    const { length } = shown(this.lines.list[index]);
    return this.whole.has(this.lines.numberOf(index)) ? length : Math.min(length, CUT);
  }

  #longest() {
    return this.whole.size ? this.lines.longest : Math.min(this.lines.longest, CUT + 60);
  }

  #row(position) {
    const index = this.chosen.indexAt(position);
    const number = this.lines.numberOf(index);
    return makeRow(this.lines.list[index], {
      number,
      query: this.stream === "all" ? "" : `stream=${NAMES[this.stream]}&`,
      marks: this.search.columnsOf(index),
      width: this.search.query.length,
      isMarked: number === this.marked,
      isWhole: this.whole.has(number),
    });
  }

  // Following, permalinks

  #scrolled() {
    const { scrollTop } = this.viewport;
    if (this.scroller.isAtEnd) this.#follow(true);
    else if (scrollTop < this.wasAt) this.#follow(false);
    this.wasAt = scrollTop;
  }

  /** Notes the place at once: whoever looks back before the next scroll event looks back from here. */
  #toEnd() {
    this.scroller?.toEnd();
    this.wasAt = this.viewport.scrollTop;
  }

  #follow(on) {
    this.following = on;
    this.followButton.show(on);
  }

  #wish(on) {
    this.#follow(on);
    if (on) this.#toEnd();
  }

  #mark(number) {
    if (!number) return;
    this.marked = this.wanted = number;
    this.#follow(false);
  }

  #reachMark() {
    if (!this.wanted || this.lines.total < this.wanted) return;
    const { wanted } = this;
    this.wanted = 0;
    this.#showNumber(wanted);
    this.scroller.refresh();
  }

  #showNumber(number, where) {
    const index = Math.max(0, this.lines.indexOf(number));
    if (this.count) this.scroller?.show(Math.min(this.chosen.positionOf(index), this.count - 1), where);
  }

  // Search

  #seek() {
    if (!this.search.pattern || this.seeking) return;
    const before = this.search.hits.length;
    const done = this.search.work();
    if (this.search.hits.length !== before) this.scroller?.refresh();
    if (this.search.current < 0 && this.search.hits.length && this.fresh) this.#step(1);
    this.#tellMatches(done);
    if (done) return;
    this.seeking = setTimeout(() => {
      this.seeking = null;
      this.#seek();
    });
  }

  #find(query) {
    clearTimeout(this.seeking);
    this.seeking = null;
    this.search.start(query);
    this.fresh = true;
    this.scroller?.refresh();
    this.#tellMatches(true);
    this.#seek();
  }

  #step(by) {
    const hit = this.search.step(by, this.count ? this.chosen.indexAt(this.scroller.first()) : 0);
    if (!hit) return;
    this.fresh = false;
    this.#follow(false);
    if (hit.column >= CUT) this.#showWhole(this.lines.numberOf(hit.index));
    this.scroller.show(this.chosen.positionOf(hit.index));
    this.scroller.refresh();
    this.viewport.querySelector("mark.is-current")?.scrollIntoView({ block: "nearest", inline: "nearest" });
    this.#tellMatches(true);
  }

  #showWhole(number) {
    this.whole.add(number);
    this.scroller.reset(this.count, this.#longest());
  }

  // What is said beside the lines

  #tellMatches(done) {
    const { hits, current, query } = this.search;
    const many = hits.length.toLocaleString("en") + (this.lines.dropped ? " here" : "");
    const text = hits.length ? `${(current + 1).toLocaleString("en")} of ${many}` : done ? (this.lines.dropped ? "None here" : "No match") : "Searching…";
    this.part("matches").textContent = query ? text : "";
  }

  #tell() {
    const { total } = this.lines;
    const before = this.lines.numberOf(0) - 1;
    const hidden = before ? `; the first ${before.toLocaleString("en")} on earlier pages` : "";
    this.part("earlier").hidden = !before;
    this.part("earlier").firstElementChild.href = `?line=${before}`;
    const shown = this.chosen.picks ? `${(this.count - this.chosen.marks).toLocaleString("en")} of ` : "";
    this.part("count").textContent = `${shown}${total.toLocaleString("en")} ${total === 1 ? "line" : "lines"}${hidden}`;
    const state = this.isOver ? "Complete" : this.isLost ? "Paused" : "Live";
    if (this.part("state").textContent !== state) this.part("state").textContent = state;
  }

  #ended(marks) {
    this.isOver = true;
    this.followButton.end(this.lines.length > 0);
    this.#sayMore("");
    if (this.wanted > this.lines.total) this.#missed();
    if (this.lines.length) marks.forEach((words) => this.lines.mark("both", words));
    if (this.lines.length) this.#later();
  }

  #missed() {
    this.#notice(`There is no line ${this.wanted.toLocaleString("en")}: the output ends before it.`);
    this.wanted = 0;
    this.#follow(true);
  }

  #sayMore(words, newest = []) {
    this.part("so-far").textContent = words;
    this.part("so-far").hidden = !words;
    this.newest.show(this.stream, newest);
    if (this.following) this.#toEnd();
  }

  #lost(isLost) {
    this.isLost = isLost;
    if (this.isStarted) this.#tell();
    this.#notice(isLost ? "The live output is paused – reconnecting" : "");
  }

  #refused() {
    this.part("state").textContent = "";
    this.#notice("The live output has ended: you are signed out, or may not see this job any more. Reload the page.");
  }

  #notice(text) {
    const line = this.part("lost");
    line.textContent = text;
    line.hidden = !text;
  }

  // Controls

  #controls() {
    const wrap = this.part("wrap");
    wrap.addEventListener("click", () => {
      const on = wrap.getAttribute("aria-pressed") !== "true";
      wrap.setAttribute("aria-pressed", String(on));
      this.scroller?.wrap(on);
      if (this.following) this.#toEnd();
    });
    this.part("copy").addEventListener("click", (event) => this.#copy(event.currentTarget));
    this.section.addEventListener("click", (event) => this.#clicked(event));
    addEventListener("hashchange", () => {
      this.#mark(numberInAddress());
      if (this.isStarted) this.#reachMark();
    });
    this.#searchControls();
  }

  #searchControls() {
    const input = this.part("search");
    input.addEventListener("input", () => this.#find(input.value));
    input.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && !this.lines.dropped) {
        event.preventDefault(); // what is not here is searched by the server
        this.#step(event.shiftKey ? -1 : 1);
      }
      if (event.key === "Escape" && !input.value) this.viewport.focus();
    });
    this.part("next").addEventListener("click", () => this.#step(1));
    this.part("previous").addEventListener("click", () => this.#step(-1));
    focusBySlash(input);
  }

  #clicked(event) {
    const whole = event.target.closest("[data-whole]");
    if (whole) this.#showWhole(Number(whole.dataset.whole));
    const number = event.target.closest("[data-output-viewer] .line-number");
    if (number && !(event.ctrlKey || event.metaKey || event.shiftKey)) {
      event.preventDefault();
      history.replaceState(null, "", number.getAttribute("href"));
      this.#mark(Number(number.textContent));
      this.#reachMark();
    }
    const link = event.target.closest("[data-stream-link]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    history.replaceState(null, "", link.getAttribute("href") + location.hash);
    this.choose(link.dataset.streamLink);
  }

  async #copy(button) {
    const written = this.chosen.list.filter((line) => line.stream !== "both"); // the script's, and where some is missing
    await navigator.clipboard.writeText(written.map(said).join("\n"));
    button.classList.add("is-copied");
    setTimeout(() => button.classList.remove("is-copied"), 1500);
  }
}

const section = document.querySelector("[data-output-url]");
if (section && section.dataset.live !== "no") section.viewer = new OutputViewer(section);
