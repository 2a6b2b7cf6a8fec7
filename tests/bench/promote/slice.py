"""How many cells a slice holds, over the corpus of `tests/promote`: side by side with gather's rule on the same executions of the same cells.

Gather (microsoft/gather, and the program analysis under it) follows definitions and uses over the log of executions, and assumes that every call
changes what it is called on and what it is given. Cells that failed are dropped. It knows nothing of traits, of files or of aliases, so that its
slices can be too small as well as too large: both are counted.
"""

import ast
import json
import os
import sqlite3
import sys
import tempfile
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

TESTS = Path(__file__).resolve().parents[2]
WANTED = 0.7


def slice_size():
    """Cells in the slices of all cases, ours and by gather's rule; those of the explorations apart as well, for most other cases are short traps, and
    those of notebooks of Python, which are explorations all.
    """
    corpus = _corpus()
    of_python = [_slices(*execution) for execution in _executions_of_python()]
    slices = [_slices(*execution) for execution in _executions(corpus)] + of_python
    lacking = [one.case.name for one in slices if one.wanted - one.ours]
    row = {
        "row": "slice",
        **_compared(slices),
        "unit": "cells",
        "wanted": f"<= {WANTED}",
        "runs": len(slices),
        "explorations": _compared([one for one in slices if "exploration" in one.case.topics]),
        "python": _compared(of_python),
        "needed": sum(len(one.wanted) for one in slices),
        "too_small": lacking,
        "too_large": [one.case.name for one in slices if one.ours - one.wanted],
        "peer_too_small": sum(bool(one.wanted - one.peer) for one in slices),
        "peer_where_printing_changes_nothing": sum(len(one.peer_without_prints) for one in slices),
    }
    # A slice that lacks a cell is no slice, however small.
    return {**row, "ratio": None, "reason": "slices lack cells"} if lacking else row


@dataclass
class Slices:
    """The numbers of the cells that a case needs, and of those in each slice."""

    case: object
    wanted: set
    ours: set
    peer: set
    peer_without_prints: set


def _slices(case, ran, plan, log):
    """The slices of one execution of a case."""
    wanted = {number for number, cell in ran.items() if cell.needed}
    ours = {number for number, (kept, _) in plan.items() if kept}
    return Slices(case, wanted, ours, gather(log, case.target, prints_change=True), gather(log, case.target, prints_change=False))


def _compared(slices):
    """How many cells these slices hold, and how many gather's."""
    ours, peer = sum(len(one.ours) for one in slices), sum(len(one.peer) for one in slices)
    return {"ours": ours, "peer": peer, "ratio": round(ours / peer, 3)}


def gather(log, target, prints_change):
    """The numbers of the cells in gather's slice for a variable, of cells given as `(number, failed, names, text)` in their order.

    With `prints_change` each call counts, so also that of a macro which only prints. Gather itself excuses Python's `print`.
    """
    cells = [(number, _facts(names, text, prints_change)) for number, failed, names, text in log if not failed]
    kept, open_names = set(), [(len(cells), target)]
    seen = set(open_names)
    while open_names:
        end, name = open_names.pop()
        for index in range(end - 1, -1, -1):
            number, (defines, uses, changes) = cells[index]
            if name not in defines and name not in changes:
                continue
            kept.add(number)
            for used in uses | changes:
                if (index, used) not in seen:
                    seen.add((index, used))
                    open_names.append((index, used))
            if name in defines:
                break
    return kept


def _facts(names, text, prints_change):
    """What a cell defines, uses and changes by the rule: each name that is assigned to, called, called on, or given to a call."""
    if "python" in names:
        changes = _changed_in_python(text, prints_change) - set(names["python"].get("apart", []))
        return set(names["defines"]), set(names["uses"]) | changes, changes | set(names["python"]["maybe"])
    rust = names.get("rust", {})
    touches = rust.get("touches", {})
    harmless = {"read"} if prints_change else {"read", "shown"}
    called = {name for name, how in touches.items() if any(not isinstance(one, str) or one not in harmless for one in how)}
    # What is called is changed where it is a variable; the log does not tell, and a function has no later definition that this could hide.
    only_called = {name for name in called if all(one in ("read", "called") for one in touches[name])}
    changes = (called - only_called) | set(names["mutates"])
    return set(names["defines"]), set(names["uses"]), changes


# Functions of Python that gather's own table knows to change nothing.
LOOKING = {"abs", "bool", "dict", "enumerate", "float", "int", "len", "list", "max", "min", "range", "round", "set", "sorted", "str", "sum", "tuple", "type", "zip"}


def _changed_in_python(text, prints_change):
    """The names that a cell of Python assigns parts of, calls something on, or gives to a call."""
    try:
        tree = ast.parse("\n".join(line for line in text.splitlines() if not line.lstrip().startswith(("%", "!", "?"))))
    except SyntaxError:
        return set()
    changed = set()
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id=name)) if name in LOOKING or (name == "print" and not prints_change):
                continue
            case ast.Call(func=function, args=args, keywords=keywords):
                changed |= {_root(one) for one in (*args, *(keyword.value for keyword in keywords), *([function] if isinstance(function, ast.Attribute) else []))}
            case ast.Subscript(ctx=ast.Store() | ast.Del()) | ast.Attribute(ctx=ast.Store() | ast.Del()) | ast.AugAssign():
                changed.add(_root(node.target if isinstance(node, ast.AugAssign) else node))
    return changed - {None}


def _root(node):
    """The name that a chain of attributes, items and calls begins with."""
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Call | ast.Starred):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else None


def _executions_of_python():
    """As [`_executions`] of the notebooks of Python."""
    sys.path[:0] = [str(TESTS / "python")]
    import test_corpus_python

    for case in test_corpus_python.CASES:
        yield test_corpus_python.executed(case, Path(tempfile.mkdtemp(prefix="kernwerk-bench-")), lambda project, ran, plan, _: (case, ran, plan, _log(project.directory)))


def _corpus():
    """The tests' own reading of the corpus, with the cases of the long run."""
    os.environ["KERNWERK_TORTURE"] = "1"
    sys.path[:0] = [str(TESTS / "end_to_end"), str(TESTS / "promote")]
    import test_corpus

    return test_corpus


def _executions(corpus):
    """Runs all cases; gives each with what ran, what the plan says, and the log."""
    notebook = None
    for case in corpus.CASES:
        if notebook is not None and case.first:
            notebook.kernel.__exit__()
            notebook = None
        if notebook is None:
            notebook = corpus.Notebook(Path(tempfile.mkdtemp(prefix="kernwerk-bench-")))
            notebook.kernel.__enter__()
        try:
            notebook.cases += 1
            ran = notebook.run(case)
            yield case, ran, notebook.plan(case), _log(notebook.shell.directory)
        finally:
            if case.last or notebook.cases >= corpus.MOST_CASES or case is corpus.CASES[-1]:
                notebook.kernel.__exit__()
                notebook = None


def _log(directory):
    """The recorded cells: number, whether each failed, its names, and its text."""
    with closing(sqlite3.connect(f"file:{directory}/.kernwerk/ledger.sqlite?mode=ro", uri=True)) as ledger:
        rows = ledger.execute("SELECT execution_count, status, names, text FROM cell WHERE notebook != 'shell' ORDER BY id").fetchall()
    return [(number, status.strip('"') != "ok", json.loads(names), text) for number, status, names, text in rows]
