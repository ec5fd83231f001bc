"""What the person at the terminal sees: one line per thing done."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TextIO


class Console:
    """Lines on a terminal (coloured, the current one waits with dots) or in a pipe (plain)."""

    def __init__(self, output: TextIO | None = None) -> None:
        self.output = output or sys.stdout
        self.is_terminal = self.output.isatty()
        self.is_coloured = self.is_terminal and "NO_COLOR" not in os.environ
        encoding = (self.output.encoding or "ascii").lower().replace("-", "")
        self.tick, self.cross, self.again, self.dots = "✓✗↻…" if encoding == "utf8" else ("+", "x", "~", ".")

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        """Show the title while the block runs, and a tick with the seconds it took when it worked."""
        began = time.monotonic()
        if self.is_terminal:
            self._write(f"{self.dots} {title}", end="\r")
        yield
        self._write(f"{self._colour('32', self.tick)} {title:<28} {time.monotonic() - began:4.1f} s")

    def line(self, text: str = "") -> None:
        self._write(text)

    def again_line(self, text: str) -> None:
        self._write(f"{self._colour('33', self.again)} {text}")

    def trouble(self, text: str) -> None:
        self._write(f"{self._colour('31', self.cross)} {text}")

    def bold(self, text: str) -> str:
        return self._colour("1", text)

    def _colour(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self.is_coloured else text

    def _write(self, text: str, end: str = "\n") -> None:
        clear = "\x1b[2K" if self.is_terminal else ""
        # A closed terminal or pipe is no reason to stop the portal.
        with suppress(OSError, ValueError):
            print(
                clear
                + text.encode(self.output.encoding or "ascii", "replace").decode(
                    self.output.encoding or "ascii"
                ),
                end=end,
                file=self.output,
                flush=True,
            )
