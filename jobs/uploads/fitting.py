"""Whether what was uploaded fits beside what is there already: names, number and size of the whole bundle."""

from collections.abc import Mapping
from dataclasses import dataclass

from jobs.uploads.limits import UploadLimits
from jobs.uploads.paths import PathSet
from jobs.uploads.refusal import UploadRefused, amount, visible
from jobs.uploads.unpacked import Source


def fit(sources: list[Source], there: Mapping[str, int], limits: UploadLimits) -> None:
    """Refuse the sources that do not fit beside `there` (path: bytes) and the sources before them.

    A file at the very path of one that is there replaces it; the same path twice in one upload is refused.
    """
    bundle = _Bundle(dict(there), PathSet(there), set())
    for source in sources:
        if source.refused is None:
            try:
                bundle.add(source, limits)
            except UploadRefused as refused:
                source.refuse(refused)


@dataclass
class _Bundle:
    sizes: dict[str, int]
    paths: PathSet
    fresh: set[str]

    def add(self, source: Source, limits: UploadLimits) -> None:
        try:
            self._add_paths(source)
            sizes = self.sizes | {file.path: file.size for file in source.files}
            _check_amount(sizes, source.name, limits)
        except UploadRefused:
            self.paths = PathSet(self.sizes)
            raise
        self.sizes = sizes
        self.fresh.update(file.path for file in source.files)

    def _add_paths(self, source: Source) -> None:
        for file in source.files:
            if file.path in self.fresh:
                shown = visible(file.path)
                raise UploadRefused(shown, f"“{shown}” was given twice.", "Keep one of the two.")
            if file.path not in self.paths:
                self.paths.add(file.path)


def _check_amount(sizes: Mapping[str, int], name: str, limits: UploadLimits) -> None:
    if len(sizes) > limits.max_files:
        raise UploadRefused(
            name,
            f"With “{name}” a job would get {len(sizes)} files; at most {limits.max_files} are allowed.",
            "Leave out what the script does not need.",
        )
    total = sum(sizes.values())
    if total > limits.max_total_bytes:
        raise UploadRefused(
            name,
            f"With “{name}” a job would get {amount(total)}; at most {amount(limits.max_total_bytes)} are allowed.",
            "Leave out what the script does not need, or let the script read large data from where it lives.",
        )
