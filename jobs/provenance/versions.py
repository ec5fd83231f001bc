"""What jobs had around their scripts: interpreter, packages and system, as the runner saw them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from jobs.models import Attempt
from jobs.provenance.facts import INPUTS, Fact

LABELS = {"system": "System", "kernel": "Kernel", "machine": "Machine", "libc": "C library"}
MOST_ROWS = 60
NOT_KNOWN, NOT_THERE = "not known", "not there"


@dataclass(frozen=True)
class Seen:
    """`things`: what there is one of, by its label. `left_out`: packages that were too many to be kept."""

    things: dict[str, str] = field(default_factory=dict)
    packages: dict[str, str] = field(default_factory=dict)
    left_out: int = 0

    def __bool__(self) -> bool:
        return bool(self.things)

    @property
    def packages_word(self) -> str:
        """How many there are."""
        count = len(self.packages) + self.left_out
        shown = f", the first {len(self.packages)} of them" if self.left_out else ""
        return f"{count} package{'' if count == 1 else 's'}{shown}"


def seen_by(attempt: Attempt | None) -> Seen:
    """Nothing where the runner told nothing: an old run, one that was stopped, or one that still runs."""
    told: Mapping[str, Any] = attempt.versions if attempt else {}
    things = dict(told.get("interpreters", {}))
    things |= {label: told[word] for word, label in LABELS.items() if word in told}
    return Seen(things, dict(sorted(told.get("packages", {}).items())), told.get("packages_left_out", 0))


def version_facts(attempts: Sequence[Attempt | None]) -> list[list[Fact]]:
    """For each attempt: what there is one of, and the packages that are not the same in all.

    An attempt of which nothing is known differs in nothing.
    """
    seen = [seen_by(attempt) for attempt in attempts]
    known = [each for each in seen if each]
    labels = list(dict.fromkeys(label for each in known for label in each.things))
    names = sorted({name for each in known for name in each.packages})
    differing = [name for name in names if len({each.packages.get(name) for each in known}) > 1]
    return [_facts(each, known, labels, differing) for each in seen]


def _facts(own: Seen, known: Sequence[Seen], labels: Sequence[str], differing: Sequence[str]) -> list[Fact]:
    # Told apart by what the first has: then it is the same in all that are known, or different anyway.
    instead = own or (known[0] if known else own)
    facts = [_fact(label, label, own, own.things, instead.things) for label in labels]
    for name in differing[:MOST_ROWS]:
        facts.append(_fact(f"package {name}", name, own, own.packages, instead.packages))
    if rest := differing[MOST_ROWS:]:
        mark = repr([instead.packages.get(name) for name in rest])
        facts.append(Fact(INPUTS, f"{len(rest)} more packages differ", "", mark))
    return facts


def _fact(label: str, name: str, own: Seen, texts: Mapping[str, str], marks: Mapping[str, str]) -> Fact:
    text = texts.get(name, NOT_THERE) if own else NOT_KNOWN
    return Fact(INPUTS, label, text, marks.get(name, "-"))
