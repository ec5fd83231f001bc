"""Jobs that a newcomer runs with one click: whole folders with real inputs, standard library only."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Protocol

FOLDER = Path(__file__).resolve().parent.parent / "examples"


class OffersCommands(Protocol):
    """What an environment must tell: clusters.models.Image does."""

    entry_commands: dict[str, list[str]]


@dataclass(frozen=True)
class Example:
    """One example. `entry` is a path inside `folder`; `arguments` are given to the script."""

    slug: str
    title: str
    description: str
    language: str
    folder: Path
    entry: str
    arguments: tuple[str, ...] = ()
    tags: tuple[str, ...] = ("example",)

    @property
    def ending(self) -> str:
        """The entry's ending, by which environments find their command: ".py"."""
        return PurePosixPath(self.entry).suffix

    def files(self) -> Iterator[tuple[str, Path]]:
        """Every file of the folder: path in the bundle, path on disk; sorted."""
        for path in sorted(self.folder.rglob("*")):
            relative = path.relative_to(self.folder)
            is_ours = not any(part.startswith((".", "__pycache__")) for part in relative.parts)
            if path.is_file() and is_ours and relative.parts[0] != "results":
                yield relative.as_posix(), path

    def fits(self, image: OffersCommands) -> bool:
        """Whether the environment can run the entry."""
        return self.ending in image.entry_commands


EXAMPLES = (
    Example(
        slug="python-model",
        title="Fit a model in Python",
        description=(
            "Predicts the fuel economy of 32 cars from weight and power, with cross-validation."
            " Leaves a table, metrics, a plot and a report."
        ),
        language="Python",
        folder=FOLDER / "python-model",
        entry="train.py",
    ),
    Example(
        slug="r-model",
        title="Fit a model in R",
        description=(
            "Predicts the waiting time for Old Faithful's next eruption with lm()."
            " Leaves a table, metrics and a plot."
        ),
        language="R",
        folder=FOLDER / "r-model",
        entry="train.R",
    ),
    Example(
        slug="failing",
        title="See a job fail, and mend it",
        description=(
            "Reads a column that was renamed in its file. The output says what is wrong;"
            " “Run with changes” and one argument make it right."
        ),
        language="Python",
        folder=FOLDER / "failing",
        entry="summarise.py",
    ),
)


def available_examples(images: Iterable[OffersCommands]) -> list[Example]:
    """The examples that at least one of the environments can run, in their order."""
    offered = list(images)
    return [example for example in EXAMPLES if any(example.fits(image) for image in offered)]


def find_example(slug: str) -> Example | None:
    """The example of that name."""
    return next((example for example in EXAMPLES if example.slug == slug), None)
