"""In which namespaces of a cluster the portal's Jobs are."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


class Places(Protocol):
    """`default` is the portal's own namespace: of works without a space, and of the doctor's visits."""

    @property
    def default(self) -> str: ...

    def observed(self) -> Sequence[str] | None:
        """The namespaces to be read, `default` among them; None: all of the cluster. May change. Costs no request."""


@dataclass(frozen=True)
class OnePlace:
    """One namespace for all teams."""

    default: str

    def observed(self) -> Sequence[str] | None:
        """That one."""
        return [self.default]


@dataclass(frozen=True)
class Everywhere:
    """Namespaces come and go: the Jobs are found by their label in all of them."""

    default: str

    def observed(self) -> Sequence[str] | None:
        """The whole cluster."""
        return None
