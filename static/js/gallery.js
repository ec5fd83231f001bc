// One picture of the gallery over the whole window: arrow keys, zoom, an address of its own (#picture-7).

const LEVELS = [0, 0.5, 1, 2, 4, 8]; // 0 fits the window
const gallery = document.getElementById("gallery");
const viewer = document.getElementById("viewer");
const element = (name) => document.getElementById(`viewer-${name}`);

class Viewer {
  #links = [...gallery.querySelectorAll(".gallery-picture")];
  #at = -1;
  #level = 0;

  constructor() {
    gallery.addEventListener("click", (event) => this.#clicked(event));
    // A page that opens with a picture has no focus yet.
    document.addEventListener("keydown", (event) => viewer.open && this.#pressed(event));
    viewer.addEventListener("close", () => this.#closed());
    element("picture").addEventListener("load", () => this.#drawZoom());
    element("picture").addEventListener("error", () => (element("place").textContent += " · it cannot be shown"));
    addEventListener("hashchange", () => this.#openFromAddress());
    this.#openFromAddress();
  }

  #openFromAddress() {
    const wanted = location.hash.slice(1);
    if (wanted === "first") this.#show(0);
    else if (wanted === "last") this.#show(this.#links.length - 1);
    else {
      const at = this.#links.findIndex((link) => link.parentElement.id === wanted);
      if (at >= 0 && at !== this.#at) this.#show(at);
    }
  }

  #show(at) {
    const link = this.#links[at];
    if (!link) return; // a page of PDFs only
    this.#at = at;
    const { raw, download, name } = link.dataset;
    element("picture").src = raw;
    element("picture").alt = element("name").textContent = name;
    element("place").textContent = `${at + 1} of ${this.#links.length}${this.#beyond(1) || this.#beyond(-1) ? " on this page" : ""}`;
    element("download").href = download;
    element("page").href = link.href;
    for (const button of viewer.querySelectorAll("[data-step]")) {
      const step = Number(button.dataset.step);
      button.hidden = !this.#links[at + step] && !this.#beyond(step);
    }
    this.#zoomTo(0);
    if (!viewer.open) viewer.showModal();
    element("stage").focus();
    history.replaceState(null, "", `#${link.parentElement.id}`);
    this.#preload(at + 1);
  }

  /** The next one is there when it is asked for; a large one is not loaded before. */
  #preload(at) {
    const picture = this.#links[at]?.querySelector("img");
    if (picture) picture.loading = "eager";
  }

  /** The address of the page beside this one. */
  #beyond(step) {
    return gallery.querySelector(`.pager [rel=${step > 0 ? "next" : "prev"}]`)?.href;
  }

  #step(step) {
    const page = this.#beyond(step);
    if (this.#links[this.#at + step]) this.#show(this.#at + step);
    else if (page) location.assign(`${page}#${step > 0 ? "first" : "last"}`);
  }

  #zoomTo(level) {
    this.#level = Math.max(0, Math.min(LEVELS.length - 1, level));
    this.#drawZoom();
  }

  #drawZoom() {
    const factor = LEVELS[this.#level];
    const picture = element("picture");
    element("stage").classList.toggle("is-fit", factor === 0);
    picture.style.width = factor ? `${(picture.naturalWidth || 800) * factor}px` : "";
    element("zoom").textContent = factor ? `${factor * 100} %` : "Fit";
  }

  #clicked(event) {
    const target = event.target;
    const link = target.closest(".gallery-picture");
    const button = target.closest("button");
    if (link) {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return; // into a tab of its own
      event.preventDefault();
      this.#show(this.#links.indexOf(link));
    } else if (button?.dataset.step) this.#step(Number(button.dataset.step));
    else if (button?.dataset.zoom) this.#zoomTo(this.#level + Number(button.dataset.zoom));
    else if (button && "close" in button.dataset) viewer.close();
    else if (target === element("picture")) this.#zoomTo(this.#level ? 0 : LEVELS.indexOf(1));
  }

  #pressed(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const aside = { ArrowLeft: -120, ArrowRight: 120 }[event.key];
    if (event.shiftKey && aside) {
      element("stage").scrollBy(aside, 0); // what is larger than the window
      return;
    }
    const does = {
      ArrowLeft: () => this.#step(-1),
      ArrowRight: () => this.#step(1),
      Home: () => this.#show(0),
      End: () => this.#show(this.#links.length - 1),
      "+": () => this.#zoomTo(this.#level + 1),
      "-": () => this.#zoomTo(this.#level - 1),
      0: () => this.#zoomTo(0),
      d: () => element("download").click(),
    }[event.key];
    if (!does) return;
    event.preventDefault();
    does();
  }

  #closed() {
    history.replaceState(null, "", location.pathname + location.search);
    this.#links[this.#at]?.focus();
    this.#links[this.#at]?.parentElement.scrollIntoView({ block: "nearest" });
    this.#at = -1;
  }
}

if (viewer) new Viewer();
