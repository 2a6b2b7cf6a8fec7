"""The files that a cell opens to read, however their names came to be: the interpreter tells of each (PEP 578, event `open`).

What packages open past Python, such as polars and pyarrow, is not seen.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterable
from pathlib import Path
from stat import S_ISREG


class Opened:
    """Listens from the beginning of a cell to its end."""

    def __init__(self) -> None:
        self._began = 0
        # In the order in which they were opened.
        self._read: dict[str, None] = {}
        self._written: set[str] = set()

    def begin(self, began: int) -> None:
        """Listens to a cell that began so many nanoseconds after 1970."""
        self._began, self._read, self._written = began, {}, set()
        _listen(self)

    def end(self, given: Iterable[Path]) -> list[Path]:
        """Ends it. The regular files that were opened to read, or are `given` to what reads past Python, and are what they were when the cell began: what
        the cell itself has made is no file that it needs.
        """
        _listening.discard(self)
        return [Path(path) for path in {**self._read, **{str(path): None for path in given}} if self._is_as_before(path)]

    def note(self, path: str, flags: int) -> None:
        """A file is opened, or it is tried."""
        if flags & (os.O_WRONLY | os.O_RDWR):
            self._written.add(path)
        if not flags & (os.O_WRONLY | os.O_TRUNC) and (flags & os.O_RDWR or path not in self._written):
            self._read[path] = None

    def _is_as_before(self, path: str) -> bool:
        try:
            found = os.stat(path)
        except (OSError, ValueError):
            return False
        return S_ISREG(found.st_mode) and found.st_mtime_ns < self._began


_listening: set[Opened] = set()
_lock = threading.Lock()
_is_hooked = False


def _listen(opened: Opened) -> None:
    global _is_hooked
    with _lock:
        # A hook stays until the interpreter ends.
        if not _is_hooked:
            sys.addaudithook(_tell)
            _is_hooked = True
    _listening.add(opened)


def _tell(event: str, arguments: tuple[object, ...]) -> None:
    if event != "open" or not _listening:
        return
    path, _, flags = arguments
    # A number is what is open already. And what is raised here would keep the file from being opened.
    if not isinstance(path, str | bytes) or not isinstance(flags, int):
        return
    try:
        absolute = os.path.abspath(os.fsdecode(path))
    except (OSError, ValueError):
        return
    for opened in tuple(_listening):
        opened.note(absolute, flags)
