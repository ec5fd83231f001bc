"""What was found and not kept, as sentences with how often: bounded, however much a script writes."""

from collections.abc import Mapping

from jobs.uploads.refusal import visible

MOST_SENTENCES = 40
MORE = "More was left out, of other kinds"
SHOWN_NAME = 60


class LeftOut(dict[str, int]):
    """Sentence (without its full stop): how often."""

    def add(self, sentence: str, times: int = 1) -> None:
        """Count it; beyond MOST_SENTENCES all others are one."""
        key = sentence if sentence in self or len(self) < MOST_SENTENCES else MORE
        self[key] = self.get(key, 0) + times

    def add_all(self, others: Mapping[str, int]) -> None:
        """Count what another one has."""
        for sentence, times in others.items():
            self.add(sentence, times)

    def not_finite(self, name: str) -> None:
        """NaN, infinite, or too large for a number of 64 bits."""
        self.add(f"{quoted(name)} was not a finite number (NaN, infinite or too large)")


def quoted(name: str) -> str:
    """A name for a sentence, short and visible."""
    shown = visible(name)
    return f"“{shown if len(shown) <= SHOWN_NAME else shown[: SHOWN_NAME - 1] + '…'}”"


def sentences(left_out: Mapping[str, int]) -> list[str]:
    """For a page."""
    counted = sorted(left_out.items())
    return [f"{what}: {times:,} times." if times > 1 else f"{what}." for what, times in counted]
