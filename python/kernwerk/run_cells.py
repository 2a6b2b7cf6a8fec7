"""Cells in a fresh process, without Jupyter: `python -m kernwerk.run_cells` reads a request from standard input and writes one
line for each cell, and one with what it used at the end. `--environment PACKAGE…` says which of the packages there are.
"""

from __future__ import annotations

import ast
import importlib.metadata
import importlib.util
import os
import platform
import sys
import tempfile
import threading
import time
from collections.abc import Iterable
from contextlib import redirect_stderr, redirect_stdout
from typing import Any, TextIO

from kernwerk import ipython, program
from kernwerk._kernwerk import Request, told

# How often this process looks whether its parent is still there, in seconds.
_PARENT_INTERVAL = 0.5


def main() -> None:
    if sys.argv[1:2] == ["--environment"]:
        _environment(sys.argv[2:])
        return
    answers = _take_stdout()
    threading.Thread(target=_end_with_parent, args=[os.getppid()], daemon=True).start()
    request = Request(sys.stdin.readline())
    # What cells show is taken down; nobody reads it here.
    with tempfile.TemporaryDirectory() as home, _nowhere() as stdout, _nowhere() as stderr:
        with redirect_stdout(stdout), redirect_stderr(stderr):
            _run(request, home, answers)


def _run(request: Request, home: str, answers: TextIO) -> None:
    from kernwerk.shell import fresh

    # IPython has no types for what runs a cell.
    shell: Any = fresh(home)
    session = request.session(shell.user_ns, program.path())
    extension = ipython.Extension(shell, session)
    ipython.attach(shell, extension)
    loaded_before = set(sys.modules)
    # As in a notebook, modules of the directory are found first; not before, lest they stand in for this program's own.
    sys.path.insert(0, "")
    code = []
    last = 0
    for ordinal, source, may_fail, values in request.cells:
        if given := request.given(last, ordinal):
            cell = session.begin(ordinal, "")
            for name, path in given:
                cell.give(name, path)
            cell.finish(True)
        last = ordinal
        code.append(_plain(shell, source))
        extension.wanted = values
        request.enter(ordinal)
        result = shell.run_cell(source, store_history=True)
        finished, extension.finished = extension.finished, None
        outcome = None if finished is None else finished.outcome(ordinal)
        if outcome is None:
            raise SystemExit(f"cell {ordinal} left no record")
        print(outcome, file=answers, flush=True)
        if not result.success and not may_fail:
            break
    loaded = {name.partition(".")[0] for name in set(sys.modules) - loaded_before}
    packages = _packages({"IPython", *loaded, *_imported(code)})
    print(told(platform.python_implementation(), platform.python_version(), packages, code), file=answers, flush=True)


def _plain(shell: Any, source: str) -> str:
    """A cell as plain Python, in which magics are calls."""
    try:
        return str(shell.transform_cell(source))
    except SyntaxError:
        # The cell itself says so when it runs.
        return source


def _imported(code: Iterable[str]) -> set[str]:
    """The modules that cells import, whether or not they were loaded before."""
    names = set()
    for cell in code:
        try:
            nodes = list(ast.walk(ast.parse(cell)))
        except SyntaxError:
            continue
        for node in nodes:
            if isinstance(node, ast.Import):
                names |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names.add(node.module.partition(".")[0])
    return names


def _packages(modules: set[str]) -> dict[str, str]:
    """The packages from which the modules came, with their versions. Of several that share a module all are named."""
    distributions = importlib.metadata.packages_distributions()
    names = {name for module in modules for name in distributions.get(module, [])}
    versions = {_normal(name): importlib.metadata.version(name) for name in names}
    versions.pop("kernwerk", None)
    return versions


def _normal(name: str) -> str:
    """A package's name in its normal form, of which there is one."""
    return name.lower().replace("_", "-").replace(".", "-")


def _environment(packages: Iterable[str]) -> None:
    if importlib.util.find_spec("IPython") is None:
        raise SystemExit("IPython, which runs the cells, is missing: pip install 'kernwerk[ipython]'")
    found, licences = {}, {}
    for name in packages:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
        licence = _licence(name)
        if licence:
            licences[name] = licence
    print(told(platform.python_implementation(), platform.python_version(), found, licences=licences))


def _licence(package: str) -> str | None:
    """What a package says of its licence: its SPDX expression (PEP 639), else its classifier, else a short word of older metadata."""
    metadata = importlib.metadata.metadata(package)
    if "License-Expression" in metadata:
        return str(metadata["License-Expression"])
    classifiers = [line.split(" :: ") for line in metadata.get_all("Classifier") or [] if line.startswith("License :: ")]
    named = [parts[-1] for parts in classifiers if len(parts) > 2]
    if len(named) == 1:
        return str(named[0])
    words = str(metadata["License"]).strip() if "License" in metadata else ""
    return words if words and "\n" not in words and len(words) < 100 else None


def _nowhere() -> TextIO:
    return open(os.devnull, "w", encoding="utf-8")


def _take_stdout() -> TextIO:
    """Standard output, for the answers alone: whatever else this process or its children print goes to standard error."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return answers


def _end_with_parent(parent: int) -> None:
    """Who asked for the cells is gone, so nobody takes the rest."""
    while os.getppid() == parent:
        time.sleep(_PARENT_INTERVAL)
    os._exit(1)


if __name__ == "__main__":
    main()
