"""Which of its files a job keeps: asked in the form, recorded in the job, applied by the runner (runner/rules.py)."""

from collections.abc import Collection
from dataclasses import asdict, dataclass, fields
from typing import Any

from django.conf import settings

from teams.wording import readable_bytes

# So many rules are named in the sentence.
NAMED = 6


@dataclass(frozen=True)
class ResultRules:
    """Globs for paths below the working directory, and sizes in bytes. `file_bytes` None: no bound for one file."""

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    file_bytes: int | None = None
    total_bytes: int = 0

    def as_json(self) -> dict[str, Any]:
        """For the job's row; `rules_of` reads it back."""
        return asdict(self)

    @property
    def sentence(self) -> str:
        """What is kept, for people, before the click and afterwards."""
        kept = f"only {_named(self.include)}" if self.include else "everything under results/"
        kept += "" if self.include else " and files the script makes or changes"
        left_out = f"; not: {_named(self.exclude)}" if self.exclude else ""
        each = f", {readable_bytes(self.file_bytes)} each" if self.file_bytes is not None else ""
        return f"{kept}{left_out}; at most {readable_bytes(self.total_bytes)} together{each}."

    def without_effect(self, reasons: Collection[str]) -> list[str]:
        """The rules of its own by which nothing was left out; `reasons`: why each file was (runner/rules.py)."""
        own = [glob for glob in self.exclude if glob not in settings.RESULT_EXCLUDE]
        return [glob for glob in own if not any(f"by the rule “{glob}”" in reason for reason in reasons)]


def most_together(disk_bytes: int | None) -> int:
    """The most that a job may ask for: the installation's limit, or the profile's disk where that is less."""
    most = int(settings.RESULT_MAX_BYTES)
    return min(most, disk_bytes) if disk_bytes else most


def usual_rules(disk_bytes: int | None) -> ResultRules:
    """What a job gets for which nobody said anything else."""
    return ResultRules(exclude=tuple(settings.RESULT_EXCLUDE), total_bytes=most_together(disk_bytes))


def rules_of(recorded: dict[str, Any], disk_bytes: int | None = None) -> ResultRules:
    """A job's rules as recorded; what was not recorded (jobs from before) is as the settings say."""
    known = {field.name: recorded[field.name] for field in fields(ResultRules) if field.name in recorded}
    for name in ("include", "exclude"):
        known[name] = tuple(known.get(name, ()))
    known.setdefault("total_bytes", most_together(disk_bytes))
    return ResultRules(**known)


def _named(globs: tuple[str, ...]) -> str:
    more = f" and {len(globs) - NAMED} more" if len(globs) > NAMED else ""
    return ", ".join(globs[:NAMED]) + more
