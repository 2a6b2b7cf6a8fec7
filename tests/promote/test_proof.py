"""The clean proof does not pass on a slice that lacks a cell.

A cell that the target needs is taken out of the ledger's log, as if it had never been recorded. The plan then cannot hold it, and
publishing has to refuse: the slice does not run, or the target is another than in the notebook, which still has it. Where the target is
the same without the cell (what the cell wrote lies on the disk and is pinned as an input), the artifact must hold the value of the whole.

With KERNWERK_TORTURE=1 that is done with every needed cell of all cases that are published whole; without, with those of a few.
"""

import sqlite3
from contextlib import closing, contextmanager

import pytest

from test_corpus import CASES, LONG, NOTEBOOK, notebooks  # noqa: F401 (the fixture)

# Its target shows nothing, and each of its cells would run without the others but the first.
ALWAYS = {"assigned-whole"}
# Seconds; a notebook of the corpus takes a few.
LONGEST_PROOF = 120
TRIED = [case for case in CASES if case.publish == ("agrees",) and (LONG or case.name in ALWAYS)]


@contextmanager
def without(ledger, number):
    """The log without the execution of this number: it is another notebook's."""
    with closing(sqlite3.connect(ledger, timeout=60)) as connection:

        def move(notebook, to):
            with connection:
                moved = connection.execute("UPDATE cell SET notebook = ? WHERE notebook = ? AND execution_count = ?", (to, notebook, number))
            assert moved.rowcount == 1

        move(NOTEBOOK, "elsewhere.ipynb")
        try:
            yield
        finally:
            move("elsewhere.ipynb", NOTEBOOK)


def published(kernel, code):
    """The reply of a publication. One whose cells wait for what no cell gives any more is interrupted, as its user would do."""
    request = kernel.send(code)
    try:
        return kernel.wait(request, LONGEST_PROOF)
    except AssertionError:
        kernel.manager.interrupt_kernel()
        return kernel.wait(request, LONGEST_PROOF)


def value_of(directory, name, target):
    """What the artifact says that the target holds."""
    files = sorted((directory / "pipelines" / name / "1" / "outputs").glob(f"*-{target}.*"))
    return [(path.name.split("-", 1)[1], path.read_bytes()) for path in files]


@pytest.mark.parametrize("case", TRIED, ids=lambda case: case.name)
def test_no_proof_passes_without_a_cell_that_is_needed(case, notebooks):  # noqa: F811
    notebook = notebooks(case)
    directory, kernel = notebook.shell.directory, notebook.kernel
    try:
        ran = notebook.run(case)
        whole = None
        for number, cell in ran.items():
            if not cell.needed:
                continue
            name = f"{case.name}-without-{number}"
            with without(directory / ".kernwerk" / "ledger.sqlite", number):
                reply = published(kernel, f"%promote publish {name} --target {case.target}")
            if reply.status == "error":
                assert not (directory / "pipelines" / name).exists()
            else:
                if whole is None:
                    whole = kernel.run(f"%promote publish {case.name} --target {case.target}").ok()
                value = value_of(directory, case.name, case.target)
                assert value and value_of(directory, name, case.target) == value, f"published without {cell.text}"
    finally:
        notebooks.done(case)


def test_the_few_cases_are_there():
    assert {case.name for case in TRIED} >= ALWAYS
