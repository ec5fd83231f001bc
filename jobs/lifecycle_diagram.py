"""`python -m jobs.lifecycle_diagram` writes docs/lifecycle.md from the lifecycle itself."""

import sys
from pathlib import Path

from jobs.lifecycle import ACTIVE, MOVES, TERMINAL, Act, Sight, Status, Step, Wish, next_step

DOCUMENT = Path(__file__).resolve().parent.parent / "docs" / "lifecycle.md"
INTRODUCTION = """# How a job moves

Generated from `jobs/lifecycle.py` by `python -m jobs.lifecycle_diagram`; a test holds it fresh. Do not edit.

Views write wishes (run, cancel), the intake and `watch` write facts, a worker does the next step: one act at the
cluster, then one move of the status. What is known of an attempt's work is summed up in one word, its *sight*.
"""
SIGHTS = {
    Sight.NOTHING: "never confirmed as created, nor seen",
    Sight.UNCONFIRMED: "seen, but perhaps made only in part",
    Sight.PENDING: "created; the script has not started",
    Sight.RUNNING: "the script was started",
    Sight.EXITED_OK: "the script ended with 0; output and results still come in",
    Sight.EXITED_BAD: "the script ended otherwise; output and results still come in",
    Sight.EXITED_STOPPED: "the script was ended by a stop; output and results still come in",
    Sight.DONE_OK: "it ended with 0 and nothing more will come",
    Sight.DONE_BAD: "it ended otherwise and nothing more will come",
    Sight.DONE_STOPPED: "it was stopped and nothing more will come",
    Sight.REFUSED: "the work is over and the script was never started",
    Sight.LOST: "the work is over or proven absent, and nobody knows how the script ended",
}


def document() -> str:
    """The whole page."""
    parts = [
        INTRODUCTION,
        "```mermaid\n" + "\n".join(diagram()) + "\n```\n",
        "## What is known of the work\n",
        "\n".join(f"- **{sight}**: {text}" for sight, text in SIGHTS.items()) + "\n",
        "## The next step\n\nWhile the wish is **run**:\n",
        "\n".join(table(Wish.RUN)) + "\n",
        "While the wish is **cancel**:\n",
        "\n".join(table(Wish.CANCEL)),
    ]
    return "\n".join(parts) + "\n"


def diagram() -> list[str]:
    """Every move that the next step makes, with what makes it."""
    causes: dict[tuple[Status, Status], list[str]] = {}
    for status in ACTIVE:
        for to in sorted(MOVES[status], key=list(Status).index):
            if names := _causes(status, to):
                causes[(status, to)] = names
    lines = ["stateDiagram-v2", f"    [*] --> {Status.QUEUED}"]
    lines += [f"    {old} --> {new}: {', '.join(names)}" for (old, new), names in causes.items()]
    return lines + [f"    {status} --> [*]" for status in Status if status in TERMINAL]


def table(wish: Wish) -> list[str]:
    """One row for each sight, one column for each status."""
    columns = [*ACTIVE, "ended"]
    lines = ["| seen | " + " | ".join(columns) + " |", "|---" * (len(columns) + 1) + "|"]
    for sight in Sight:
        steps = [next_step(status, sight, wish) for status in (*ACTIVE, Status.SUCCEEDED)]
        lines.append(f"| {sight} | " + " | ".join(map(_words, steps)) + " |")
    return lines


def _causes(status: Status, to: Status) -> list[str]:
    by_wish = {wish: {sight for sight in Sight if next_step(status, sight, wish).to is to} for wish in Wish}
    always = by_wish[Wish.RUN] & by_wish[Wish.CANCEL]
    found = [str(sight) for sight in Sight if sight in always]
    for wish, sights in by_wish.items():
        found += [f"{wish} + {sight}" for sight in Sight if sight in sights - always]
    return found


def _words(step: Step) -> str:
    words = [] if step.act is Act.NOTHING else [str(step.act)]
    return ", ".join([*words, f"→ {step.to}"] if step.to else words) or "wait"


if __name__ == "__main__":
    DOCUMENT.write_text(document())
    sys.stdout.write(f"wrote {DOCUMENT}\n")
