"""IPython's own magics in a cell, as IPython writes them: which only look, and which run code that stands in them."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Iterator

# They change nothing that a later cell could notice, and show what nobody compares.
_LOOKING = {
    "autoreload", "hist", "history", "lsmagic", "pdoc", "pfile", "pinfo", "pinfo2", "psearch", "psource", "pwd", "quickref", "who", "who_ls", "whos",
}  # fmt: skip
_TIMING = {"prun", "time", "timeit"}
_OPTIONS = re.compile(r"\s*(-[a-zA-Z]\s*\d*\s+)*")

# The magic that a call stands for: its name, its line, and the text below it.
Called = Callable[[ast.expr], tuple[str, str, str | None] | None]


def plain(statements: Iterable[ast.stmt], called: Called) -> Iterator[ast.stmt]:
    """The statements without magics that only look, and the code of those that time it in their place. Others are left, to be taken for what may do anything."""
    for statement in statements:
        magic = called(statement.value) if isinstance(statement, ast.Expr) else None
        if magic is None or not _is_known(*magic):
            yield statement
        elif magic[0] in _TIMING:
            yield from _timed(statement, *magic)


def _is_known(name: str, line: str, _: str | None) -> bool:
    return name in _LOOKING or name in _TIMING or (name == "load_ext" and line.strip() == "autoreload")


def _timed(statement: ast.stmt, name: str, line: str, body: str | None) -> Iterator[ast.stmt]:
    code = "\n".join(part for part in (_OPTIONS.sub("", line, count=1), body or "") if part.strip())
    try:
        statements = ast.parse(code).body
    except (SyntaxError, ValueError):
        yield statement
        return
    if name == "time":
        yield from statements
    elif statements:
        # It runs in a function: what it binds is bound for nobody. Where a name is bound before, it may seem to be bound anew.
        yield ast.copy_location(ast.If(test=ast.Constant(value=True), body=statements, orelse=[]), statement)
