"""Runs the benchmarks of one area and prints a JSON line for each row: `make bench AREA=kernel`, with `ROWS='trivial-cell memory'` for some of them.

A row has `row`, `ours`, `peer`, `unit`, `ratio` (ours / peer, or ours / goal where `peer` is a goal), `wanted` and `runs`. Where something could not be measured the ratio is
null and `reason` says why.
"""

import json
import os
import sys

from tests.bench import kernel, promote

AREAS = {"kernel": kernel.ROWS, "promote": promote.ROWS}


def main(arguments) -> int:
    """Runs the area that the only argument names."""
    if len(arguments) != 1 or arguments[0] not in AREAS:
        print(f"choose an area: make bench AREA={'|'.join(AREAS)}", file=sys.stderr)
        return 2
    rows = AREAS[arguments[0]]
    wanted = os.environ.get("ROWS", "").split() or list(rows)
    unknown = [name for name in wanted if name not in rows]
    if unknown:
        print(f"there is no row {', '.join(unknown)}; there are {', '.join(rows)}", file=sys.stderr)
        return 2
    for name in wanted:
        print(json.dumps(rows[name]()), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
