// The history by keyboard (j, k, x, /) and the bar for selected jobs.

const MOST_COMPARED = 20;
const form = document.querySelector("[data-job-list]");
const links = () => [...document.querySelectorAll("[data-job-link]")];
const boxes = () => [...form.querySelectorAll('input[name="job"]')];

function move(step) {
  const all = links();
  if (!all.length) return;
  const at = all.indexOf(document.activeElement);
  const next = at < 0 ? (step > 0 ? 0 : all.length - 1) : Math.min(all.length - 1, Math.max(0, at + step));
  all[next].focus();
  all[next].scrollIntoView({ block: "nearest" });
}

function select() {
  const box = document.activeElement?.closest(".job-row")?.querySelector('input[name="job"]');
  if (!box) return;
  box.checked = !box.checked;
  count();
}

function count() {
  const all = boxes();
  const chosen = all.filter((box) => box.checked).length;
  const bar = form.querySelector("[data-bulk-bar]");
  if (!bar) return;
  const isAll = Boolean(form.querySelector("[data-bulk-all]")?.checked);
  bar.classList.toggle("is-on", chosen > 0 || isAll);
  form.querySelector("[data-bulk-count]").textContent = isAll ? "All that match" : chosen ? `${chosen} selected` : "";
  form.querySelector("[data-compare]").disabled = isAll || chosen < 2 || chosen > MOST_COMPARED;
  const every = form.querySelector("[data-select-all]");
  every.checked = chosen > 0 && chosen === all.length;
  every.indeterminate = chosen > 0 && chosen < all.length;
}

const keys = {
  j: () => move(1),
  k: () => move(-1),
  x: select,
  "/": () => document.querySelector("[data-search]")?.focus(),
};

document.addEventListener("keydown", (event) => {
  const typing = event.target.closest?.('input:not([type="checkbox"]), textarea, select, [contenteditable]');
  if (event.defaultPrevented || typing || event.ctrlKey || event.metaKey || event.altKey) return;
  const act = keys[event.key];
  if (!act || (event.key === "x" && !form)) return;
  event.preventDefault();
  act();
});

// On a phone the chosen status may lie beyond the edge.
const chosen = document.querySelector(".count[aria-current]");
const strip = chosen?.closest(".counts");
if (strip) strip.scrollLeft = chosen.offsetLeft - strip.offsetLeft - 16;

if (form) {
  form.addEventListener("change", (event) => {
    if (event.target.matches("[data-select-all]")) {
      for (const box of boxes()) box.checked = event.target.checked;
    }
    count();
  });
  // The comparison is only a page: its address is all that is sent.
  form.addEventListener("submit", (event) => {
    const address = event.submitter?.dataset.compare;
    if (!address) return;
    event.preventDefault();
    const ids = boxes().filter((box) => box.checked).map((box) => box.value);
    location.assign(`${address}?ids=${ids.join(",")}`);
  });
  addEventListener("pageshow", count);
  count();
}
