// The box beside the pointer over a chart of uPlot: what stands at the place below it.

/** For `hooks.setCursor`; `contents(at)` gives the box's elements for the place with that index. */
export function tipOver(canvas, className, contents) {
  const box = document.createElement("div");
  box.className = className;
  box.hidden = true;
  canvas.append(box);
  return (plot) => {
    const at = plot.cursor.idx;
    box.hidden = at == null || plot.cursor.left < 0;
    if (box.hidden) return;
    box.replaceChildren(...contents(at));
    const left = plot.cursor.left + plot.bbox.left / devicePixelRatio;
    const isRight = left > canvas.clientWidth / 2;
    box.style.transform = `translate(${isRight ? left - box.offsetWidth - 12 : left + 12}px, 4px)`;
  };
}
