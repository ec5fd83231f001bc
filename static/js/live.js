// Live parts: elements that name a job that can still change.
//   <… id="job-7" data-live-job="7" data-live-url="/jobs/7/row">
// One event stream says which jobs changed; their elements are fetched again (a fragment or a whole
// page: the element is found by its id) and morphed in place. A part without data-live-job is done.
//   <… id="job-counts" data-live-any data-live-url="/jobs/counts/">
// changes when any of the page's jobs does. One with data-live-ages says something that gets old by itself (when a job
// that waits may start) and is fetched every now and then as well.

const POLL_EVERY = 5000;
const POLL_HIDDEN_EVERY = 15000; // a hidden tab gives its connection back and asks now and then
const AGES_EVERY = 30000;
const NOTICE_AFTER = 2500;
const REOPEN_AFTER = 3000;
const FEW = 3;
const ANSWER_WITHIN = 20000;
const ANY_PAUSE = 1500; // what depends on every job is fetched once for a flurry of changes

let source = null;
let listening = ""; // the ids the open stream was asked for
let polling = null;
let noticing = null;
let reopening = null;
let summing = null;
const busy = new Map(); // element id -> "again" | "once": one fetch at a time, and never a missed one
let fetches = 0;
const shown = new Map(); // element id -> number of the fetch it shows: an answer that took long takes nothing back

const parts = () => [...document.querySelectorAll("[data-live-job][data-live-url]")];
const sums = () => [...document.querySelectorAll("[data-live-any][data-live-url]")];
const idsOf = (elements) => [...new Set(elements.map((element) => element.dataset.liveJob))].sort().join(",");

function parse(text) {
  const row = /^\s*<tr[\s>]/i.test(text);
  return new DOMParser().parseFromString(row ? `<table><tbody>${text}</tbody></table>` : text, "text/html");
}

async function fetchDocument(url) {
  const signal = AbortSignal.timeout(ANSWER_WITHIN); // one that never comes must not hold up the next
  const response = await fetch(url, { credentials: "same-origin", headers: { "X-Live": "1" }, signal });
  if (response.status === 404 || response.redirected) return null; // gone, or signed out
  if (!response.ok) throw new Error(`${response.status}`);
  return parse(await response.text());
}

async function place(element, fresh, number) {
  if (number < (shown.get(element.id) ?? 0)) return;
  shown.set(element.id, number);
  if (element.outerHTML === fresh.outerHTML) return;
  if (window.htmx?.swap) {
    await window.htmx.swap({ sourceElement: element, target: element, text: fresh.outerHTML, swap: "outerMorph" });
  } else {
    element.replaceWith(document.importNode(fresh, true));
  }
  const placed = document.getElementById(fresh.id);
  placed?.dispatchEvent(new CustomEvent("stellwerk:refreshed", { bubbles: true }));
}

export async function refresh(element) {
  const { id } = element;
  if (busy.has(id)) {
    busy.set(id, "again");
    return;
  }
  busy.set(id, "once");
  const number = ++fetches;
  try {
    const page = await fetchDocument(element.dataset.liveUrl);
    const now = document.getElementById(id);
    const fresh = page?.getElementById(id);
    if (now && fresh) await place(now, fresh, number);
    else if (now && !page) delete now.dataset.liveJob;
  } catch {
    // The server is away; the stream's own trouble shows the notice, the next round tries again.
  }
  const again = busy.get(id) === "again";
  busy.delete(id);
  const left = document.getElementById(id);
  if (again && left?.dataset.liveUrl) await refresh(left);
}

function refreshSums() {
  summing ??= setTimeout(() => {
    summing = null;
    sums().forEach(refresh);
  }, ANY_PAUSE);
}

async function refreshAll() {
  const elements = [...parts(), ...sums()];
  if (elements.length <= FEW) {
    await Promise.all(elements.map(refresh));
  } else {
    const number = ++fetches;
    try {
      const page = await fetchDocument(location.href);
      for (const element of elements) {
        const fresh = page?.getElementById(element.id);
        if (fresh && element.isConnected) await place(element, fresh, number);
        else if (element.isConnected) await refresh(element);
      }
    } catch {
      // as above: the next round tries again
    }
  }
  listen();
}

function renewAged() {
  const aged = parts().filter((element) => "liveAges" in element.dataset);
  if (document.hidden || !source) return; // without a stream everything is polled anyway
  if (aged.length > FEW) refreshAll();
  else aged.forEach(refresh);
}

async function changed(event) {
  const ids = new Set(JSON.parse(event.data).ids.map(String));
  await Promise.all(parts().filter((element) => ids.has(element.dataset.liveJob)).map(refresh));
  refreshSums();
  listen();
}

function notice(show) {
  const line = document.getElementById("live-paused");
  if (!line) return;
  line.textContent = show ? "Live updates are paused – reconnecting" : "";
  line.hidden = !show;
}

function poll(every) {
  clearInterval(polling);
  polling = every ? setInterval(refreshAll, every) : null;
}

function opened() {
  clearTimeout(noticing);
  noticing = null;
  notice(false);
  poll(0);
  refreshAll(); // what changed while nobody listened
}

function lost() {
  if (!noticing) {
    noticing = setTimeout(() => {
      notice(true);
      poll(POLL_EVERY);
    }, NOTICE_AFTER);
  }
  if (source?.readyState === EventSource.CLOSED) {
    hangUp();
    clearTimeout(reopening);
    reopening = setTimeout(listen, REOPEN_AFTER);
  }
}

function hangUp() {
  source?.close();
  source = null;
  listening = "";
}

function rest() {
  hangUp();
  poll(0);
  clearTimeout(noticing);
  clearTimeout(reopening);
  noticing = null;
  notice(false);
}

/** Listens for the live parts that the page holds now; hangs up when none is left. */
export function listen() {
  const ids = idsOf(parts());
  if (!ids) {
    rest();
    return;
  }
  if (document.hidden) return;
  const known = new Set(listening.split(","));
  if (source && ids.split(",").every((id) => known.has(id))) return;
  hangUp();
  listening = ids;
  source = new EventSource(`/live/changes?ids=${ids}`);
  source.addEventListener("open", opened);
  source.addEventListener("changed", changed);
  source.addEventListener("error", lost);
}

document.addEventListener("visibilitychange", () => {
  rest();
  if (document.hidden) {
    if (parts().length) poll(POLL_HIDDEN_EVERY);
  } else {
    listen();
  }
});
document.addEventListener("stellwerk:refreshed", (event) => {
  const { title, favicon } = event.target.dataset;
  if (title) document.title = title;
  if (favicon) document.getElementById("favicon").href = favicon;
});
addEventListener("pagehide", rest);
addEventListener("pageshow", listen);
setInterval(renewAged, AGES_EVERY);
listen();
