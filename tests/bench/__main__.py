"""Runs the benchmarks of one area and prints a JSON line for each row: `make bench AREA=kernel`.

A row has `row`, `ours`, `peer`, `unit`, `ratio` (ours / peer, or ours / goal where `peer` is a goal), `wanted` and `runs`. Where something could not be measured the ratio is
null and `reason` says why.
"""

import json
import sys

from tests.bench import kernel

AREAS = {"kernel": kernel.rows}


def main(arguments) -> int:
    """Runs the area that the only argument names."""
    if len(arguments) != 1 or arguments[0] not in AREAS:
        print(f"choose an area: make bench AREA={'|'.join(AREAS)}", file=sys.stderr)
        return 2
    for row in AREAS[arguments[0]]():
        print(json.dumps(row), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
