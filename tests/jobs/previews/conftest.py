"""A preview as the page gets it, made of a path and bytes."""

from collections.abc import Callable
from io import BytesIO

import pytest

from jobs.previews.addresses import Addresses
from jobs.previews.preview import Preview, preview_of


@pytest.fixture
def preview() -> Callable[..., Preview]:
    """`preview("a.csv", b"…")`."""

    def make(path: str, content: bytes | str, addresses: Addresses | None = None) -> Preview:
        data = content.encode() if isinstance(content, str) else content
        return preview_of(path, len(data), lambda: BytesIO(data), addresses)

    return make
