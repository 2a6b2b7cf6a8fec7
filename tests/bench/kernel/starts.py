"""Kernels that begin: until they answer, until the first result, and what they take of memory then."""

from tests.bench.kernel.client import started
from tests.bench.table import compare

# Starts of each; those that compile take seconds.
STARTS = 20
FIRST_CELLS = 5


def kernel_start():
    """From the start of the process to its first answer."""
    ours, peer = [], []
    for _ in range(STARTS):
        for name, times in (("kernwerk", ours), ("python3", peer)):
            with started(name) as kernel:
                times.append(kernel.started)
    return compare("kernel-start", ours, peer, "<= 0.3")


def first_cell():
    """From the start of the process to the result of the first Rust cell."""
    times = {"kernwerk": [], "evcxr": []}
    _begin(lambda name, kernel: times[name].append(kernel.started + _first(kernel)))
    return compare("first-cell", times["kernwerk"], times["evcxr"], "<= 0.5")


def memory():
    """All processes together after the first Rust cell."""
    bytes_of = {"kernwerk": [], "evcxr": []}

    def measure(name, kernel):
        _first(kernel)
        bytes_of[name].append(kernel.memory())

    _begin(measure)
    return compare("memory", bytes_of["kernwerk"], bytes_of["evcxr"], "<= 1", unit="bytes")


def _begin(measure):
    for _ in range(FIRST_CELLS):
        for name in ("kernwerk", "evcxr"):
            with started(name) as kernel:
                measure(name, kernel)


def _first(kernel):
    seconds, outputs = kernel.run("1 + 1")
    assert any(message["content"].get("data", {}).get("text/plain") == "2" for message in outputs), outputs
    return seconds
