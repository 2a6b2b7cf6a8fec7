"""Small cells in kernels that are warm."""

from tests.bench.kernel.client import both
from tests.bench.table import compare

CELLS = 20


def trivial_cell():
    """`let x = 1;` and then `x + 1`, with other numbers in each pair, so that no cell has been there before."""
    ours, peer, again = [], [], []
    with both("kernwerk", "evcxr") as kernels:
        for kernel in kernels:
            kernel.run("1 + 1")
        for number in range(CELLS):
            for kernel, times in zip(kernels, (ours, peer)):
                times.append(kernel.seconds(f"let x = {number};"))
                times.append(kernel.seconds(f"x + {number + 1}"))
        mine = kernels[0]
        for _ in range(CELLS):
            again.append(mine.seconds("x + 1"))
    # The first of these was compiled.
    return compare("trivial-cell", ours, peer, "<= 0.3", unchanged=round(sorted(again)[len(again) // 2], 6))


def magic_round_trip():
    """A magic, against the smallest cell of Python."""
    ours, peer = [], []
    with both("kernwerk", "python3") as (mine, theirs):
        # The first opens what later ones find open.
        mine.run("%lab status")
        theirs.run("pass")
        for _ in range(CELLS * 2):
            ours.append(mine.seconds("%lab status"))
            peer.append(theirs.seconds("pass"))
    return compare("magic-round-trip", ours, peer, "<= 1")
