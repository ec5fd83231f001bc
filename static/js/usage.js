// Draws the charts of the usage report from the tables that stand below them: one source of numbers.
/* global uPlot */
import { NICE, WHOLE, marks } from "./chart_axis.js";
import { tipOver } from "./chart_tip.js";

const DAY = 86400;

/** What a chart's table says: times in seconds, a list of values and a name for each series. */
function read(figure) {
  const table = figure.querySelector("[data-chart-table]");
  const rows = [...table.tBodies[0].rows];
  const days = rows.map((row) => row.querySelector("time"));
  const names = [...table.tHead.rows[0].cells].slice(1).map((cell) => cell.textContent);
  const values = names.map((_, at) => rows.map((row) => Number(row.cells[at + 1].querySelector("data").value)));
  return {
    names,
    values,
    labels: days.map((day) => day.textContent),
    times: days.map((day) => Date.parse(`${day.dateTime}T00:00:00Z`) / 1000),
  };
}

/** Each series on top of the ones before it. */
function stacked(values) {
  const sums = values[0].map(() => 0);
  return values.map((series) => series.map((value, at) => (sums[at] += value)));
}

const short = (number) => {
  const digits = number >= 100 || number === 0 ? 0 : number >= 1 ? 1 : 2;
  return number.toLocaleString("en", { maximumFractionDigits: digits });
};

/** Names beside the marks of the axis, as many as there is room for. */
function axisOf(data, width) {
  const every = Math.max(1, Math.ceil((data.times.length * 62) / Math.max(1, width - 60)));
  return {
    splits: () => data.times.filter((_, at) => at % every === 0),
    values: (_, times) => times.map((time) => label(data, time)),
  };
}

function label(data, time) {
  const words = data.labels[data.times.indexOf(time)] ?? "";
  return words.replace(/^\w+ (\d+ \w)/, "$1"); // "Mon 3 Mar" → "3 Mar"; "Mar 2026" stays
}

const tip = (canvas, data, colours) =>
  tipOver(canvas, "chart-tip", (at) => {
    const head = document.createElement("strong");
    head.textContent = data.labels[at];
    const lines = data.names.map((name, number) => line(name, data.values[number][at], colours[number]));
    return [head, ...lines.reverse()];
  });

function line(name, value, colour) {
  const row = document.createElement("div");
  const [mark, words, number] = ["span", "span", "span"].map((tag) => document.createElement(tag));
  mark.className = "swatch";
  mark.style.background = colour;
  words.textContent = name;
  number.textContent = short(value);
  row.append(mark, words, number);
  return row;
}

function draw(figure) {
  const canvas = figure.querySelector("[data-chart-canvas]");
  const data = read(figure);
  const colours = [...figure.querySelectorAll("[data-chart-colour]")].map((mark) => getComputedStyle(mark).backgroundColor);
  const look = getComputedStyle(canvas);
  const bars = uPlot.paths.bars({ size: [0.72, 34], align: 0 });
  const step = data.times.length > 1 ? data.times[1] - data.times[0] : DAY;
  const text = { stroke: look.color, font: `12px ${getComputedStyle(document.body).fontFamily}` };
  const quiet = { show: true, stroke: look.borderTopColor, width: 1 };
  // The highest first: each lower one covers its part.
  const order = data.names.map((_, at) => at).reverse();
  const sums = stacked(data.values);
  canvas.replaceChildren();
  const showTip = tip(canvas, data, colours);
  const options = {
    width: canvas.clientWidth,
    height: canvas.clientHeight,
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), "Etc/UTC"),
    legend: { show: false },
    padding: [8, 8, 0, 0],
    scales: {
      x: { range: [data.times[0] - step * 0.6, data.times.at(-1) + step * 0.6] },
      // Less than a tenth of an hour is no height: its axis would have nothing to say.
      y: { range: (_, low, high) => [0, Math.max(high || 1, 0.1) * 1.05] },
    },
    axes: [
      { ...text, ...axisOf(data, canvas.clientWidth), grid: { show: false }, ticks: { show: false }, gap: 6, size: 30 },
      { ...text, grid: quiet, ticks: { show: false }, gap: 6, size: 52, incrs: "chartCounts" in figure.dataset ? WHOLE : NICE, values: marks },
    ],
    series: [{}, ...order.map((at) => ({ paths: bars, fill: colours[at], stroke: colours[at], width: 0, points: { show: false } }))],
    cursor: { y: false, points: { show: false }, drag: { x: false, y: false } },
    hooks: { setCursor: [showTip] },
  };
  return new uPlot(options, [data.times, ...order.map((at) => sums[at])], canvas);
}

const figures = [...document.querySelectorAll("[data-usage-chart]")];
const plots = new Map();

function drawAll() {
  for (const figure of figures) {
    plots.get(figure)?.destroy();
    plots.set(figure, draw(figure));
  }
}

let waiting = 0;
const later = () => {
  cancelAnimationFrame(waiting);
  waiting = requestAnimationFrame(drawAll);
};
drawAll();
addEventListener("resize", later);
addEventListener("stellwerk:theme", later);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", later);
