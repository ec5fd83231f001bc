// Steps of a chart's axis that people count in, and as many digits as the step needs.

const steps = (from, to) =>
  Array.from({ length: to - from + 1 }, (_, at) => [1, 2, 5].map((part) => Number(`${part}e${from + at}`))).flat();

/** 1, 2, 5, 10, …: for what can only be counted. */
export const WHOLE = steps(0, 15);
/** 0.01, 0.02, 0.05, 0.1, … */
export const NICE = steps(-2, 15);

/** The words beside the marks of an axis, for uPlot's `values`. */
export function marks(_plot, ticks, _axis, _space, step) {
  const digits = Math.max(0, -Math.floor(Math.log10(step)));
  return ticks.map((tick) =>
    tick === 0 ? "0" : tick.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits }),
  );
}
