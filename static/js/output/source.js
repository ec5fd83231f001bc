// The event stream of a job's output: goes on where it was after a cut, and takes no bytes twice.

const REOPEN_AFTER = 3000;
const REOPEN_AT_MOST = 60000; // refused again and again: the server is away for long
const NOTICE_AFTER = 2500;

const FORBIDDEN = [401, 404]; // signed out; not (or no longer) ours to see

const parts = (place) => place.split(",").map(Number);

async function isForbidden(url) {
  const asking = new AbortController();
  try {
    const answer = await fetch(url, { credentials: "same-origin", signal: asking.signal });
    return FORBIDDEN.includes(answer.status);
  } catch {
    return false; // the server is away
  } finally {
    asking.abort();
  }
}

export class OutputSource {
  /**
   * From `place` on: `take` gets [[stream, text], …], `ended` (with what is said behind the last line) and `refused` are
   * called once, `lost` with true and false, `soFar` with words about output that is not stored yet and its newest
   * lines, [[stream, words, text], …].
   */
  constructor(url, place, { take, ended, lost, refused, soFar }) {
    Object.assign(this, { url, place, take, ended, lost, refused, soFar });
    this.pause = REOPEN_AFTER;
    this.isOver = false;
    this.events = null;
    document.addEventListener("visibilitychange", () => this.#visible());
    addEventListener("pagehide", () => this.#close());
    addEventListener("pageshow", (event) => event.persisted && this.open());
    this.open();
  }

  open() {
    if (this.isOver || this.events) return;
    this.events = new EventSource(this.place === "0,0" ? this.url : `${this.url}?from=${this.place}`);
    this.events.addEventListener("open", () => this.#found());
    this.events.addEventListener("message", (event) => this.#message(event));
    this.events.addEventListener("so-far", (event) => this.#soFar(JSON.parse(event.data)));
    this.events.addEventListener("end", (event) => this.#end(event));
    this.events.addEventListener("closed", () => this.#refuse());
    this.events.addEventListener("error", () => this.#error());
  }

  #message(event) {
    if (event.lastEventId) {
      const [out, err] = parts(event.lastEventId);
      const [knownOut, knownErr] = parts(this.place);
      if (out <= knownOut && err <= knownErr) return; // told twice
      this.place = event.lastEventId;
    }
    this.take(JSON.parse(event.data).chunks);
  }

  #soFar({ words, newest = [] }) {
    this.soFar(words, newest);
  }

  #end(event) {
    this.isOver = true;
    this.#close();
    this.#found();
    this.ended(JSON.parse(event.data).marks || []);
  }

  #error() {
    this.noticing ||= setTimeout(() => this.lost(true), NOTICE_AFTER);
    if (this.events?.readyState !== EventSource.CLOSED) return; // the browser tries again by itself
    this.#close();
    this.#comeBack();
  }

  /** An event stream hides why it was refused: ask again in the open, then give up or come back later. */
  async #comeBack() {
    if (await isForbidden(this.url)) {
      this.#refuse();
      return;
    }
    if (document.hidden) return; // it opens when somebody looks again
    clearTimeout(this.reopening);
    // With a little chance in it: not every page comes back at the same moment.
    this.reopening = setTimeout(() => this.open(), this.pause * (0.75 + Math.random() / 2));
    this.pause = Math.min(this.pause * 2, REOPEN_AT_MOST);
  }

  /** The right to look has ended: signed out, no member any more, or the job was deleted. */
  #refuse() {
    this.isOver = true;
    this.#close();
    this.#found();
    this.refused();
  }

  #found() {
    this.pause = REOPEN_AFTER;
    clearTimeout(this.noticing);
    this.noticing = null;
    this.lost(false);
  }

  // A browser has few connections to one address: a hidden tab gives its one back.
  #visible() {
    clearTimeout(this.reopening);
    if (document.hidden) {
      this.#close();
      this.#found();
    } else this.open();
  }

  #close() {
    this.events?.close();
    this.events = null;
  }
}
