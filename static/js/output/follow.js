// The button at a job's output: “Follow” holds on to the end while lines come; once no more come it only leads there.
const LEADS = "To the end";

export class FollowButton {
  /** `wish(on)` is called when somebody wants to follow, or no longer. */
  constructor(button, isOver, wish) {
    this.button = button;
    this.isOver = isOver;
    button.addEventListener("click", () => wish(this.isOver || button.getAttribute("aria-pressed") !== "true"));
  }

  show(on) {
    if (!this.isOver) this.button.setAttribute("aria-pressed", String(on));
  }

  /** The job has ended. Where it wrote nothing there is no end to go to. */
  end(hasLines) {
    this.isOver = true;
    this.button.removeAttribute("aria-pressed");
    this.button.querySelector("span").textContent = LEADS;
    this.button.hidden = !hasLines;
  }
}
