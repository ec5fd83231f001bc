// The event stream of a job's output: goes on where it was after a cut, and takes no bytes twice.

const REOPEN_AFTER = 3000;
const NOTICE_AFTER = 2500;

const parts = (place) => place.split(",").map(Number);

export class OutputSource {
  /** `take` gets [[stream, text], …], `ended` is called once, `lost` with true and false. */
  constructor(url, { take, ended, lost }) {
    Object.assign(this, { url, take, ended, lost });
    this.place = "0,0";
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
    this.events.addEventListener("end", (event) => this.#end(event));
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

  #end() {
    this.isOver = true;
    this.#close();
    this.#found();
    this.ended();
  }

  #error() {
    this.noticing ||= setTimeout(() => this.lost(true), NOTICE_AFTER);
    if (this.events?.readyState !== EventSource.CLOSED) return; // the browser tries again by itself
    this.#close();
    clearTimeout(this.reopening);
    this.reopening = setTimeout(() => this.open(), REOPEN_AFTER);
  }

  #found() {
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
