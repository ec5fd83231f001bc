// Keeps relative times ("3 min ago") and running durations ("4 min 12 s") fresh, by the server's clock.

const root = document.documentElement;
const navigation = performance.getEntriesByType("navigation")[0];
// A page from the browser's history carries an old server time: then the own clock is the better guess.
const trusted = root.dataset.now && navigation?.type !== "back_forward";
const offset = trusted ? Date.now() - Number(root.dataset.now) * 1000 : 0;

/** Seconds since the epoch as the server counts them. */
export function serverNow() {
  return (Date.now() - offset) / 1000;
}

/** Seconds in their two largest units, as the server's `duration` filter writes them. */
export function duration(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const parts = [
    [Math.floor(whole / 86400), "d"],
    [Math.floor(whole / 3600) % 24, "h"],
    [Math.floor(whole / 60) % 60, "min"],
    [whole % 60, "s"],
  ];
  while (parts.length > 1 && parts[0][0] === 0) parts.shift();
  return parts
    .slice(0, 2)
    .filter(([amount], index) => amount || index === 0)
    .map(([amount, unit]) => `${amount} ${unit}`)
    .join(" ");
}

/** How long ago in one unit, as the server's `when` tag writes it. */
export function ago(seconds) {
  if (seconds < 0) return seconds <= -60 ? `in ${largestUnit(-seconds)}` : "now";
  return seconds < 10 ? "just now" : `${largestUnit(seconds)} ago`;
}

function largestUnit(seconds) {
  for (const [size, one, many] of [[86400, "day", "days"], [3600, "h", "h"], [60, "min", "min"]]) {
    if (seconds >= size) {
      const count = Math.floor(seconds / size);
      return `${count} ${count === 1 ? one : many}`;
    }
  }
  return `${Math.floor(seconds)} s`;
}

function refresh(selector, words) {
  for (const element of document.querySelectorAll(selector)) {
    const text = words(serverNow() - Date.parse(element.dateTime) / 1000);
    if (element.textContent !== text) element.textContent = text;
  }
}

const tick = () => document.hidden || refresh("time[data-ticks]", duration);
const turn = () => document.hidden || refresh("time[data-relative]", ago);
setInterval(tick, 1000);
setInterval(turn, 10000);
document.addEventListener("visibilitychange", () => {
  tick();
  turn();
});
