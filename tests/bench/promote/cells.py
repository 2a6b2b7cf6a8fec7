"""Notebooks of many cells: what recording them costs, and how planning grows with their number."""

import os
import tempfile
import time
from pathlib import Path

from IPython.core.interactiveshell import InteractiveShell

from tests.bench.kernel.client import started
from tests.bench.table import compare

RECORDED = 500
RECORDINGS = 3
SMALL, LARGE = 500, 5_000
PLANS = 5
# Each cell of a chain takes up the one before it; a target needs the cells of its own chain.
CHAINS = 10


def record():
    """Rust cells of a notebook in a lab, which are recorded, beside the same in a directory without one."""
    ours, peer = [], []
    for _ in range(RECORDINGS):
        for times, with_lab in ((ours, True), (peer, False)):
            with tempfile.TemporaryDirectory() as directory:
                times.append(_recorded(directory, with_lab))
    return compare("record", ours, peer, "<= 1.02", cells=RECORDED)


def _recorded(directory, with_lab):
    with started("kernwerk", directory) as kernel:
        if with_lab:
            kernel.run("%lab init")
        kernel.run("let x = 0;")
        return sum(kernel.seconds(f"x + {number}") for number in range(RECORDED))


def plan():
    """`%promote plan` of a notebook of 5,000 cells, beside ten times the time of one of 500."""
    small, large = _notebook(SMALL), _notebook(LARGE)
    ours, peer = [], []
    for _ in range(PLANS):
        ours.append(large())
        peer.append(10 * small())
    return compare("plan", ours, peer, "<= 1.2", cells=LARGE)


def _notebook(cells):
    """Runs a Python notebook of so many cells in a lab of its own; gives what plans it and tells the seconds."""
    directory = Path(tempfile.mkdtemp())
    home = os.getcwd()
    os.chdir(directory)
    shell = InteractiveShell()
    _run(shell, "%load_ext kernwerk")
    _run(shell, "%lab init")
    for number in range(cells):
        chain = number % CHAINS
        before = f"v{chain} + " if number >= CHAINS else ""
        _run(shell, f"v{chain} = {before}{number}")
    os.chdir(home)

    def timed():
        os.chdir(directory)
        begun = time.perf_counter()
        _run(shell, "%promote plan chain --target v3")
        seconds = time.perf_counter() - begun
        os.chdir(home)
        return seconds

    timed()
    return timed


def _run(shell, code):
    result = shell.run_cell(code, store_history=True, silent=False)
    result.raise_error()
