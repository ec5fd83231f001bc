// The newest lines of a stream of which more was written than is stored: below the stored lines, without numbers.
// Each time they are told they replace those before; they go when the rest of the stream comes.
import { Lines } from "./lines.js";
import { markRow, plainRow } from "./row.js";

export class Newest {
  constructor() {
    this.element = document.createElement("div");
    this.element.className = "output-newest";
    this.told = [];
  }

  /** `told` are [["out" or "err", words, text], …], those before where it is not given; of "all" or of one stream are shown. */
  show(stream, told = this.told) {
    this.told = told;
    const chosen = told.filter(([name]) => stream === "all" || name === stream);
    this.element.replaceChildren(...chosen.flatMap(([name, words, text]) => [markRow(words), ...rowsOf(name, text)]));
  }
}

function rowsOf(name, text) {
  const lines = new Lines();
  lines.feed(name, text);
  return lines.list.map(plainRow);
}
