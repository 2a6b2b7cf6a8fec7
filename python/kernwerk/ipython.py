"""The magics in IPython: `%load_ext kernwerk`."""

from __future__ import annotations

import os
import re
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kernwerk import modules, names, paths, program, syntax
from kernwerk._kernwerk import Cell, Session, magics, notebook
from kernwerk.capture import Capture
from kernwerk.errors import Error, Interrupted
from kernwerk.observed import Observed
from kernwerk.opened import Opened
from kernwerk.watch import Terminal

if TYPE_CHECKING:
    from collections.abc import Callable

    from IPython.core.completer import CompletionContext
    from IPython.core.interactiveshell import ExecutionInfo, ExecutionResult, InteractiveShell

    from kernwerk._kernwerk import Result
    from kernwerk.syntax import Names
    from kernwerk.watch import Watcher

# Jupyter's servers name the notebook with this variable.
_NOTEBOOK_VARIABLE = "JPY_SESSION_NAME"
# What a notebook's file keeps of an output that would be otherwise in another run.
_VOLATILE = {"kernwerk": {"volatile": True}}
_ASSIGNED = re.compile(r"\s*[\w.\[\], ]+=\s*(?=%)")


class Display:
    """Progress as displays of a notebook, each replaced as its task goes on."""

    def __init__(self) -> None:
        self._handles: dict[int, Any] = {}

    def note(self, line: str, /) -> None:
        print(line, file=sys.stderr)

    def progress(self, number: int, is_new: bool, text: str, html: str, /) -> None:
        from IPython.display import display

        bundle = {"text/plain": text, "text/html": html}
        if is_new:
            handle = display(bundle, raw=True, display_id=True, metadata=_VOLATILE)  # type: ignore[no-untyped-call]
            self._handles[number] = handle
        else:
            self._handles[number].update(bundle, raw=True, metadata=_VOLATILE)


class Extension:
    """The session of one IPython, and its hooks there."""

    def __init__(self, shell: InteractiveShell, session: Session) -> None:
        from IPython.core.completer import context_matcher

        self._shell = shell
        self._session = session
        self._capture = Capture(shell)
        self._opened = Opened()
        self._directory = Path.cwd()
        self._magics = {name for name, _ in magics()}
        self._matcher = context_matcher(priority=200, identifier="kernwerk")(lambda context: self._complete(context))
        #: The cell that IPython runs now, and its text.
        self._cell: Cell | None = None
        self._text = ""
        self._number = 0
        #: What its text tells; none of magics alone.
        self._names: Names | None = None
        self._observed = Observed(shell.user_ns)
        #: Magics in it whose value is wanted.
        self._valued: set[str] = set()
        #: The cell that ended last.
        self.finished: Cell | None = None
        #: Variables whose values are recorded when the cell ends.
        self.wanted: list[str] = []

    def load(self) -> None:
        for name, help_text in magics():
            # IPython's decorators hide from a type checker that this is a method.
            register: Any = self._shell.register_magic_function
            register(self._magic(name, help_text), magic_kind="line_cell", magic_name=name)
        self._shell.events.register("pre_run_cell", self._begin)
        self._shell.events.register("post_run_cell", self._finish)
        self._capture.load()
        if self._shell.Completer is not None:
            self._shell.Completer.custom_matchers.append(self._matcher)
        self._tell_warnings(self._watcher())

    def unload(self) -> None:
        self._opened.end([])
        self._shell.events.unregister("pre_run_cell", self._begin)
        self._shell.events.unregister("post_run_cell", self._finish)
        self._capture.unload()
        if self._shell.Completer is not None:
            self._shell.Completer.custom_matchers.remove(self._matcher)
        for name in self._magics:
            for kind in ("line", "cell"):
                self._shell.magics_manager.magics[kind].pop(name, None)

    def _magic(self, name: str, help_text: str) -> Callable[[str, str | None], Result | None]:
        from IPython.core.magic import no_var_expand

        def run(line: str, cell: str | None = None) -> Result | None:
            return self._run(syntax.text_of(name, line, cell))

        run.__name__ = run.__qualname__ = name
        run.__doc__ = help_text
        # The words of a magic mean the same in all faces: braces and dollars are themselves.
        return no_var_expand(run)

    def _run(self, text: str) -> Result | None:
        """Runs magics and shows their answers; where the value is wanted, as in `hits = %rag search …`, the last one is that."""
        from IPython.display import display

        watcher = self._watcher()
        within = self._cell
        is_wanted = within is not None and text in self._valued
        answers: list[Result] = []

        def show(answer: Result) -> None:
            answers.append(answer)
            if not is_wanted:
                display(answer, metadata=_VOLATILE if answer.volatile else None)  # type: ignore[no-untyped-call]

        cell = within or self._session.begin(self._count(), text)
        succeeded = False
        try:
            # The engine takes down the answers of magics itself, without their dress.
            with self._capture.paused():
                cell.run(text, show, watcher)
            succeeded = True
        finally:
            if isinstance(watcher, Terminal):
                watcher.end()
            if within is None:
                cell.finish(succeeded)
            self._tell_warnings(watcher)
        # What a cell ends with, IPython would show once more.
        return answers[-1] if is_wanted or within is None else None

    def _watcher(self) -> Watcher:
        # IPython in a terminal cannot replace what it has displayed.
        return Display() if hasattr(self._shell, "kernel") else Terminal()

    def _tell_warnings(self, watcher: Watcher) -> None:
        for line in self._session.warnings():
            watcher.note(line)

    def _count(self) -> int:
        """The number of the cell in `In [7]`. Versions of IPython count on before a cell or behind it, and their display hook
        knows."""
        return int(self._shell.displayhook.prompt_count)

    def _begin(self, info: ExecutionInfo) -> None:
        # A magic such as `%%capture` runs a cell within a cell, without a number of its own: a part of the other one.
        if not info.store_history:
            return
        self._number, self._text = self._count(), info.raw_cell or ""
        text = self._text
        code = info.transformed_cell or ""
        self._names = None
        if not names.is_magics_alone(code, self._magics):
            self._names = names.of_cell(code, self._magics, self._shell.user_ns)
        self._valued = names.valued(code, self._magics)
        self._cell = self._session.begin(self._number, text, self._names)
        self._capture.begin(self._cell)
        self._observed.begin(self._names)
        self._opened.begin(time.time_ns())

    def _finish(self, result: ExecutionResult) -> None:
        info: Any = result.info
        if not info.store_history:
            return
        self._capture.end()
        opened = self._opened.end(paths.given_to_readers(info.transformed_cell or "", self._shell.user_ns))
        cell, self._cell = self._cell, None
        if cell is None:
            return
        try:
            for path in modules.among(self._directory, self._text):
                cell.reads(path)
            cell.opened(opened)
            self._observed.end(cell)
            if result.result is not None and self._names is not None:
                cell.defines({names.SHOWN, f"_{self._number}"})
            for name in self.wanted:
                cell.value(name)
            error = result.error_before_exec or result.error_in_exec
            # What a magic failed with is taken down already.
            if isinstance(error, BaseException) and not isinstance(error, Error | Interrupted):
                cell.error(type(error).__name__, str(error))
        finally:
            cell.finish(bool(result.success), result.error_before_exec is not None)
            self.finished = cell

    def _complete(self, context: CompletionContext) -> Any:
        from IPython.core.completer import SimpleCompletion

        line, position = context.line_with_cursor, context.cursor_position
        # Of `hits = %rag …` the magic.
        if assigned := _ASSIGNED.match(line):
            line, position = line[assigned.end() :], position - assigned.end()
        until = line[: max(position, 0)]
        words = until.split()
        nothing: dict[str, Any] = {"completions": []}
        # The names of magics themselves are IPython's to complete, together with its own.
        if not words or words[0].lstrip("%") not in self._magics or not words[0].startswith("%") or until == words[0]:
            return nothing
        found = self._session.complete(line, position)
        if found is None:
            return nothing
        start, end, matches = found
        return {
            "completions": [SimpleCompletion(text=text, type="magic") for text in matches],
            "matched_fragment": line[start:end],
            "suppress": True,
            "ordered": True,
        }


_loaded: dict[int, Extension] = {}


def load_ipython_extension(shell: InteractiveShell, parameters: dict[str, str] | None = None) -> None:
    """`%load_ext kernwerk`: magics, completion and the record of cells, for the lab of the working directory. `parameters` are values in place of
    those that cells give to theirs."""
    if id(shell) in _loaded:
        return
    server = os.environ.get(_NOTEBOOK_VARIABLE)
    # A relative name is to the server's directory, of which this process knows nothing.
    named = notebook(Path(server) if server else None) or Path("ipython")
    session = Session(Path.cwd(), shell.user_ns, program.path(), notebook=named, parameters=parameters)
    attach(shell, Extension(shell, session))


def attach(shell: InteractiveShell, extension: Extension) -> None:
    """Puts the hooks of `extension` into its IPython. To load the extension there again does nothing."""
    extension.load()
    _loaded[id(shell)] = extension


def unload_ipython_extension(shell: InteractiveShell) -> None:
    """`%unload_ext kernwerk`: takes all of it away."""
    extension = _loaded.pop(id(shell), None)
    if extension is not None:
        extension.unload()
