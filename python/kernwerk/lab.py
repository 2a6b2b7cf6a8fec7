"""A lab in a program: magics as calls."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kernwerk import program
from kernwerk._kernwerk import Result, Session
from kernwerk.watch import Terminal

if TYPE_CHECKING:
    from kernwerk.watch import Watcher


class Lab:
    """The lab at or above the directory `path`, made by the first magic that writes. Relative paths in magics start at `path`.

    >>> lab = Lab("notebooks")
    >>> hits = lab.run('%rag search docs "how does replay work" -> hits')
    """

    def __init__(
        self, path: str | os.PathLike[str] = ".", *, principal: str | None = None, watcher: Watcher | None = None
    ) -> None:
        """Works for `principal`, else for nobody. Progress is told to `watcher`; else to standard error, if that is a terminal."""
        self.path = Path(path).resolve()
        #: What `-> name` bound. Frames that are put here may be named by all magics, behind the lab's own tables.
        self.variables: dict[str, Any] = {}
        self._watcher = Terminal() if watcher is None else watcher
        self._count = 0
        self._session = Session(
            self.path, self.variables, program.path(), principal=principal, notebook=Path("python")
        )

    def run(self, text: str, /, **frames: Any) -> Result:
        """Runs the magic in `text` and returns its answer. `frames` are tables that it names, in Arrow form: Polars', pyarrow's,
        pandas'. They are for this call, in which they go before tables of the lab with the same name. A `%%magic` has its
        body on the lines below it; of several magics the last one's answer is returned.

        Raises `kernwerk.Error` where a magic cannot do what it is asked to, and `TypeError` for a frame that has no rows in
        Arrow form, or that no magic names.
        """
        if not isinstance(text, str):
            raise TypeError(f"run() takes the text of a magic, such as '%lab status', not {type(text).__name__}")
        named = set(re.findall(r"[\w-]+", text))
        if strangers := frames.keys() - named:
            raise TypeError(f"run() got the frame {min(strangers)!r}, which {text.partition(chr(10))[0]!r} does not name")
        self._count += 1
        cell = self._session.begin(self._count, text, frames=frames)
        answers: list[Result] = []
        succeeded = False
        try:
            cell.run(text, answers.append, self._watcher)
            succeeded = True
        finally:
            if isinstance(self._watcher, Terminal):
                self._watcher.end()
            cell.finish(succeeded)
            for line in self._session.warnings():
                self._watcher.note(line)
        return answers[-1]

    def __repr__(self) -> str:
        return f"Lab({str(self.path)!r})"
