"""Where what work tells on its way is shown."""

from __future__ import annotations

import sys
from typing import Protocol


class Watcher(Protocol):
    """Is told what work tells on its way."""

    def note(self, line: str, /) -> None:
        """One line for the user."""

    def progress(self, number: int, is_new: bool, text: str, html: str, /) -> None:
        """How far work is. A bar of a known number replaces what was shown of it, unless it is new."""


class Terminal:
    """Lines on standard error. Progress rewrites its line, and is shown on a terminal alone."""

    def __init__(self) -> None:
        self._width = 0
        self._bar: int | None = None

    def note(self, line: str, /) -> None:
        self._end_bar()
        print(line, file=sys.stderr)

    def progress(self, number: int, is_new: bool, text: str, html: str, /) -> None:
        if not sys.stderr.isatty():
            return
        if is_new or number != self._bar:
            self._end_bar()
        print(f"\r{text:<{self._width}}", end="", file=sys.stderr, flush=True)
        self._width, self._bar = len(text), number

    def end(self) -> None:
        """The work has ended: what comes next begins on a line of its own."""
        self._end_bar()

    def _end_bar(self) -> None:
        if self._bar is not None:
            print(file=sys.stderr)
        self._width, self._bar = 0, None
