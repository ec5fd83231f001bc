// Terminal text: colours and weights (SGR) become classes, every other escape sequence is dropped.
// All of it runs in linear time and ends in textContent: log text is never read as HTML.

// Each alternative stops at the next ESC, so that no input makes the scan quadratic.
const SEQUENCE =
  // eslint-disable-next-line no-control-regex
  /\x1b\[([0-?]*)[ -/]*([@-~]|$)|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b[PX^_][^\x1b]*(?:\x1b\\)?|\x1b[ -/]*[0-~]?|[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f-\x9f]/g;

/** The style before anything was said about it. Styles are never changed, only replaced. */
export const PLAIN = Object.freeze({ fg: null, bg: null });

const ON = { 1: "bold", 2: "dim", 3: "italic", 4: "underline", 7: "inverse", 8: "hidden", 9: "strike" };
const OFF = { 22: ["bold", "dim"], 23: ["italic"], 24: ["underline"], 27: ["inverse"], 28: ["hidden"], 29: ["strike"] };
const FLAGS = ["bold", "dim", "italic", "underline", "strike", "hidden"];

function cube(number) {
  if (number < 16) return number;
  if (number > 231) {
    const grey = 8 + (number - 232) * 10;
    return `rgb(${grey}, ${grey}, ${grey})`;
  }
  const level = (step) => (step ? 55 + step * 40 : 0);
  const n = number - 16;
  return `rgb(${level(Math.floor(n / 36))}, ${level(Math.floor(n / 6) % 6)}, ${level(n % 6)})`;
}

/** An extended colour (`5;n` or `2;r;g;b`) at `codes[at]`: the colour and how many codes it took. */
function extended(codes, at) {
  const byte = (value) => Math.min(255, Math.max(0, value || 0));
  if (codes[at] === 5) return [cube(byte(codes[at + 1])), 2];
  if (codes[at] === 2) return [`rgb(${[1, 2, 3].map((step) => byte(codes[at + step])).join(", ")})`, 4];
  return [null, 1];
}

function colour(style, code) {
  if (code >= 30 && code <= 37) style.fg = code - 30;
  else if (code >= 90 && code <= 97) style.fg = code - 82;
  else if (code === 39) style.fg = null;
  else if (code >= 40 && code <= 47) style.bg = code - 40;
  else if (code >= 100 && code <= 107) style.bg = code - 92;
  else if (code === 49) style.bg = null;
}

function restyle(before, parameters) {
  const codes = parameters.split(/[;:]/).map(Number);
  let style = { ...before };
  for (let at = 0; at < codes.length; at += 1) {
    const code = codes[at];
    if (code === 0) style = { ...PLAIN };
    else if (ON[code]) style[ON[code]] = true;
    else if (OFF[code]) OFF[code].forEach((name) => delete style[name]);
    else if (code === 38 || code === 48) {
      const [value, taken] = extended(codes, at + 1);
      style[code === 38 ? "fg" : "bg"] = value;
      at += taken;
    } else colour(style, code);
  }
  return style;
}

/** Splits a line into [{text, style}] and tells the style behind it. */
export function parse(text, style = PLAIN) {
  const segments = [];
  let at = 0;
  const put = (end) => {
    if (end > at) segments.push({ text: text.slice(at, end), style });
  };
  for (const match of text.matchAll(SEQUENCE)) {
    put(match.index);
    at = match.index + match[0].length;
    if (match[2] === "m") style = restyle(style, match[1]);
  }
  put(text.length);
  return { segments, style };
}

/** The text as it reads, without any escape sequence. */
export function plain(text) {
  return text.replace(SEQUENCE, "");
}

/** The style behind a line. */
export function styleAfter(text, style) {
  return text.includes("\x1b") ? parse(text, style).style : style;
}

function paint(span, style) {
  const flip = style.inverse;
  const fg = flip ? style.bg : style.fg;
  const bg = flip ? style.fg : style.bg;
  if (flip && fg === null && bg === null) span.classList.add("ansi-inverse");
  for (const flag of FLAGS) if (style[flag]) span.classList.add(`ansi-${flag}`);
  // The numbered grounds bring a readable ink; a chosen ink comes after them in the style sheet's order.
  if (typeof bg === "number") span.classList.add(`ansi-bg-${bg}`);
  else if (bg) span.style.setProperty("background-color", bg);
  if (typeof fg === "number") span.classList.add(typeof bg === "number" ? `ansi-on-${fg}` : `ansi-fg-${fg}`);
  else if (fg) span.style.setProperty("color", fg);
}

/** A piece of text in its style: a text node where there is none. */
export function inked(text, style) {
  if (style === PLAIN || (style.fg === null && style.bg === null && Object.keys(style).length === 2)) {
    return document.createTextNode(text);
  }
  const span = document.createElement("span");
  span.textContent = text;
  paint(span, style);
  return span;
}
