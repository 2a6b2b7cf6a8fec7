"""How long people wait for the kernel: its start, its first Rust cell, a cell, a magic; ipykernel is the peer where there is one."""

import statistics
import tempfile
import time
from contextlib import contextmanager

from jupyter_client.manager import KernelManager

STARTS = 5
CELLS = 40


def rows():
    """The rows of this area, one after the other."""
    ours, peer = start_seconds("kernwerk"), start_seconds("python3")
    yield compare("start to kernel_info reply", ours, peer, "s", "<= 1 s")
    with started("kernwerk") as client:
        first = seconds(client, "1 + 1")
        yield against_goal("first Rust cell of a fresh kernel", [first], 15.0, "s")
        yield against_goal("trivial Rust cell", [seconds(client, f"{number} + 1") for number in range(CELLS)], 1.0, "s")
        magic = [seconds(client, "%lab status") for _ in range(CELLS)]
    with started("python3") as client:
        cell = [seconds(client, "pass") for _ in range(CELLS)]
    yield compare("magic against `pass` in ipykernel", magic, cell, "s", "<= 1")


def compare(row, ours, peer, unit, wanted):
    """A row whose ratio is to a peer in the same run."""
    mine, theirs = statistics.median(ours), statistics.median(peer)
    return {"row": row, "ours": mine, "peer": theirs, "unit": unit, "ratio": mine / theirs, "wanted": wanted, "runs": len(ours)}


def against_goal(row, ours, goal, unit):
    """A row whose ratio is to an absolute goal."""
    mine = statistics.median(ours)
    return {"row": row, "ours": mine, "peer": goal, "unit": unit, "ratio": mine / goal, "wanted": "<= 1", "runs": len(ours)}


def start_seconds(name):
    """From starting the process to the first answer, several times."""
    times = []
    for _ in range(STARTS):
        begun = time.perf_counter()
        with started(name):
            times.append(time.perf_counter() - begun)
    return times


@contextmanager
def started(name):
    """A client of a kernel that has answered once."""
    manager = KernelManager(kernel_name=name)
    with tempfile.TemporaryDirectory() as directory:
        manager.start_kernel(cwd=directory)
        client = manager.blocking_client()
        client.start_channels()
        try:
            client.wait_for_ready(timeout=60)
            yield client
        finally:
            client.stop_channels()
            manager.shutdown_kernel()


def seconds(client, code):
    """From sending a cell to its reply."""
    begun = time.perf_counter()
    reply = client.execute(code, reply=True, timeout=300)
    assert reply["content"]["status"] == "ok", reply["content"]
    return time.perf_counter() - begun
