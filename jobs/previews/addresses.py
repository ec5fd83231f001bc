"""Where the links and pictures inside a document may lead: to results beside it, or out; nowhere else in the portal."""

import posixpath
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

PICTURES = (
    "data:image/png;",
    "data:image/jpeg;",
    "data:image/gif;",
    "data:image/webp;",
    "data:image/svg+xml;",
)


@dataclass(frozen=True)
class Addresses:
    """For a document at `path`: addresses of the job's results by their path, looked up only when asked for.

    `picture` and `page` give the address of a result's bytes and of its page; None for what is no result.
    """

    path: str = ""
    picture: Callable[[str], str | None] = field(default=lambda path: None)
    page: Callable[[str], str | None] = field(default=lambda path: None)
    attachments: Mapping[str, str] = field(default_factory=dict)

    def of_link(self, url: str) -> str | None:
        """The address behind `<a href>`; None takes the link away."""
        if _is_outside(url):
            return url
        path = self._beside(url)
        return self.page(path) if path else None

    def of_picture(self, url: str) -> str | None:
        """The address behind `<img src>`; None takes the picture away. No picture is loaded from the network."""
        if url.startswith(PICTURES):
            return url
        if url.startswith("attachment:"):
            return self.attachments.get(unquote(url.removeprefix("attachment:")))
        path = self._beside(url)
        return self.picture(path) if path else None

    def _beside(self, url: str) -> str | None:
        try:
            parts = urlsplit(url)
        except ValueError:
            return None
        if parts.scheme or parts.netloc or not parts.path or parts.path.startswith(("/", "\\")):
            return None
        path = posixpath.normpath(posixpath.join(posixpath.dirname(self.path), unquote(parts.path)))
        return None if path.startswith(("..", "/")) else path


def _is_outside(url: str) -> bool:
    return url.lower().startswith(("http://", "https://", "mailto:"))
