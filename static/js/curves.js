// Draws curves of metrics from the data beside them; while the job runs they are fetched again and again.
/* global uPlot */
import { WHOLE } from "./chart_axis.js";
import { tipOver } from "./chart_tip.js";
import { refresh } from "./live.js";

const AGAIN_EVERY = 3000;
const DASHES = [[], [8, 4], [2.5, 3], [8, 3, 2.5, 3]];
const COLOURS = 5;

const short = (number) => {
  if (number == null) return "–";
  const size = Math.abs(number);
  if (size !== 0 && (size < 1e-4 || size >= 1e6)) return number.toExponential(2);
  return number.toLocaleString("en", { maximumSignificantDigits: 5 });
};

/** One table for all lines: the steps of all of them, and a value or a gap for each line. */
function joined(lines) {
  const tables = lines.map((line) => {
    const at = new Map(line.steps.map((step, index) => [step, line.values[index]]));
    const steps = [...at.keys()];
    return [steps, steps.map((step) => at.get(step))];
  });
  return uPlot.join(tables);
}

const tip = (canvas, lines, data, colours) =>
  tipOver(canvas, "curve-tip", (at) => {
    const rows = lines.map((line, number) => ({ name: line.label, value: data[number + 1][at], colour: colours[number] }));
    const known = rows.filter((row) => row.value != null);
    const shown = known.map((row) => tipRow(lines.length > 1 ? row.name : "value", short(row.value), row.colour));
    return [tipRow("step", short(data[0][at])), ...shown];
  });

function tipRow(name, value, colour) {
  const row = document.createElement("div");
  const [words, number] = ["span", "span"].map((tag) => document.createElement(tag));
  words.textContent = name;
  if (colour) words.style.color = colour;
  number.textContent = value;
  row.append(words, number);
  return row;
}

function draw(figure) {
  const canvas = figure.querySelector("[data-curve-canvas]");
  const { lines } = JSON.parse(document.getElementById(figure.dataset.curve).textContent);
  const colours = [...figure.querySelectorAll("[data-curve-look]")].map((mark) => getComputedStyle(mark).color);
  const data = joined(lines);
  const look = getComputedStyle(canvas);
  const text = { stroke: look.color, font: `12px ${getComputedStyle(document.body).fontFamily}` };
  const quiet = { show: true, stroke: look.borderTopColor, width: 1 };
  const marks = (_, ticks) => ticks.map(short);
  const steps = data[0].every(Number.isInteger) ? { incrs: WHOLE } : {}; // no step 0.5 between 0 and 1
  canvas.replaceChildren();
  const showTip = tip(canvas, lines, data, colours);
  const options = {
    width: canvas.clientWidth,
    height: canvas.clientHeight,
    legend: { show: false },
    padding: [8, 10, 0, 0],
    scales: { x: { time: false } },
    axes: [
      { ...text, grid: { show: false }, ticks: { show: false }, gap: 6, size: 28, values: marks, ...steps },
      { ...text, grid: quiet, ticks: { show: false }, gap: 6, size: 62, values: marks },
    ],
    series: [
      {},
      ...lines.map((line, at) => ({
        stroke: colours[at],
        width: 2,
        spanGaps: true,
        dash: DASHES[Math.floor((line.look - 1) / COLOURS) % DASHES.length],
        points: { show: line.steps.length < 3 },
      })),
    ],
    cursor: { y: false, drag: { x: false, y: false } },
    hooks: { setCursor: [showTip] },
  };
  return new uPlot(options, data, canvas);
}

let plots = [];

function drawAll() {
  for (const plot of plots) plot.destroy();
  plots = [...document.querySelectorAll("[data-curve]")].map(draw);
}

let waiting = 0;
const later = () => {
  cancelAnimationFrame(waiting);
  waiting = requestAnimationFrame(drawAll);
};
drawAll();
addEventListener("resize", later);
addEventListener("stellwerk:theme", later);
document.addEventListener("stellwerk:refreshed", (event) => {
  if (event.target.matches("[data-curves]")) later();
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", later);
// Metrics come with the output, which wakes nobody: a page that is looked at asks for them.
setInterval(() => {
  const part = document.querySelector("[data-curves][data-live-job]");
  if (part && !document.hidden) refresh(part);
}, AGAIN_EVERY);
