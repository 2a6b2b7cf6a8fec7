"""What a cell of IPython shows, taken down on its way to the front end: the record that replay compares with."""

from __future__ import annotations

import base64
import json
import re
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from kernwerk._kernwerk import Cell

# What an object says of itself that says nothing.
_NAMELESS = re.compile(r"<[\w.]+ object( at 0x[0-9a-f]+)?>")


class Capture:
    """Listens to the streams, displays and results of one IPython, and changes nothing of what its user sees."""

    def __init__(self, shell: InteractiveShell) -> None:
        self._shell = shell
        self._cell: Cell | None = None
        self._paused = 0
        self._undo: list[Callable[[], None]] = []
        self._undo_streams: list[Callable[[], None]] = []

    def load(self) -> None:
        publisher: Any = self._shell.display_pub
        hook: Any = self._shell.displayhook
        self._undo = [
            _wrap(publisher, "publish", self._publish),
            _wrap(publisher, "clear_output", self._clear),
            _wrap(hook, "start_displayhook", self._start_result),
            _wrap(hook, "write_format_data", self._result),
            _wrap(hook, "finish_displayhook", self._finish_result),
            _wrap(self._shell, "_showtraceback", self._aside),
        ]

    def unload(self) -> None:
        self.end()
        _undo_all(self._undo)

    def begin(self, cell: Cell) -> None:
        """Takes down for `cell` what is shown from now on."""
        self._cell, self._paused = cell, 0
        # A notebook may have put others in their place.
        for stream, is_error in ((sys.stdout, False), (sys.stderr, True)):
            self._listen(stream, is_error)

    def end(self) -> None:
        _undo_all(self._undo_streams)
        self._cell = None

    @contextmanager
    def paused(self) -> Iterator[None]:
        """What is shown within is taken down otherwise, or belongs to no cell."""
        self._paused += 1
        try:
            yield
        finally:
            self._paused -= 1

    def _to(self) -> Cell | None:
        return None if self._paused else self._cell

    def _listen(self, stream: Any, is_error: bool) -> None:
        def write(original: Callable[..., Any], text: str, *rest: Any) -> Any:
            cell = self._to()
            # A front end's stream also takes in what foreign code writes past Python, in a thread of its own and whenever.
            if cell is not None and threading.current_thread() is not getattr(stream, "watch_fd_thread", None):
                cell.write(is_error, str(text))
            return original(text, *rest)

        try:
            self._undo_streams.append(_wrap(stream, "write", write))
        except AttributeError:
            # A stream that lets nobody listen, or none at all, as in a program without a console.
            pass

    def _publish(self, original: Callable[..., Any], data: Mapping[str, Any], *rest: Any, **options: Any) -> Any:
        cell = self._to()
        if cell is not None:
            display_id = (options.get("transient") or {}).get("display_id")
            if options.get("update"):
                cell.update(_bundle(data), str(display_id))
            else:
                cell.display(_bundle(data), display_id)
        # In a terminal a display is printed.
        with self.paused():
            return original(data, *rest, **options)

    def _clear(self, original: Callable[..., Any], *rest: Any, **options: Any) -> Any:
        cell = self._to()
        if cell is not None:
            cell.clear()
        with self.paused():
            return original(*rest, **options)

    def _start_result(self, original: Callable[..., Any]) -> Any:
        # In a terminal the prompt and the result are printed.
        self._paused += 1
        return original()

    def _result(self, original: Callable[..., Any], data: Mapping[str, Any], *rest: Any) -> Any:
        if self._cell is not None and self._paused == 1:
            self._cell.result(_bundle(data))
        return original(data, *rest)

    def _finish_result(self, original: Callable[..., Any]) -> Any:
        try:
            return original()
        finally:
            self._paused = max(self._paused - 1, 0)

    def _aside(self, original: Callable[..., Any], *rest: Any) -> Any:
        # In a terminal a traceback is printed; the error itself is taken down when the cell ends.
        with self.paused():
            return original(*rest)


def _wrap(owner: Any, name: str, within: Callable[..., Any]) -> Callable[[], None]:
    """Calls `within` in place of the method, with the method as its first argument. Returns what takes that back."""
    original = getattr(owner, name)
    own = vars(owner).get(name)

    def call(*arguments: Any, **options: Any) -> Any:
        return within(original, *arguments, **options)

    setattr(owner, name, call)

    def undo() -> None:
        # Somebody else may have put another in its place meanwhile; that one stays.
        if vars(owner).get(name) is not call:
            return
        if own is None:
            delattr(owner, name)
        else:
            setattr(owner, name, own)

    return undo


def _undo_all(undo: list[Callable[[], None]]) -> None:
    while undo:
        undo.pop()()


def _bundle(data: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The representations as texts. One that only says that there is an object gives way to the others."""
    texts = [(mime, _text(value)) for mime, value in data.items()]
    telling = [(mime, text) for mime, text in texts if mime != "text/plain" or not _NAMELESS.fullmatch(text)]
    return telling or texts


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return json.dumps(value, sort_keys=True, default=str)
