"""Where the time of a cell goes: `python -m tests.bench.kernel.phases`. Speaks with the cell host directly, and prints the medians in milliseconds, a JSON line for each
kind of cell."""

import json
import os
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.bench.kernel.frames import DEFINE, USE

PROGRAM = Path(sys.prefix) / "bin" / "kernwerk"
CELLS = 20
LOOP = """let start = std::time::Instant::now(); let mut state = {n}_u64; for i in 0..50_000_000_u64 {{ state = (state ^ i).wrapping_mul(6364136223846793005).rotate_left(7); }}
println!("{{}} {{}}", state, start.elapsed().as_secs_f64());"""


class CellHost:
    """A cell host: frames of JSON behind four bytes of length."""

    def __init__(self, directory):
        self.process = subprocess.Popen([PROGRAM, "cell-host"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "kernwerk" / "cells"
        self._send({"start": {"directory": directory, "cache": str(cache)}})

    def run(self, code):
        """Runs a cell: its phases in seconds (none where there was none), what the way to the host and back adds, and what the cell printed."""
        begun = time.perf_counter()
        self._send({"execute": {"code": code, "line": 0, "bindings": []}})
        phases, text = {}, ""
        while True:
            event = self._receive()
            if "timing" in event:
                phases = {name: value and value / 1e6 for name, value in event["timing"].items()}
            elif "stdout" in event:
                text += event["stdout"]
            elif "ended" in event:
                assert "ok" in event["ended"], event
                phases["outside"] = time.perf_counter() - begun - phases["total"]
                return phases, text
            elif "refused" in event:
                raise AssertionError(event)

    def _send(self, request):
        body = json.dumps(request).encode()
        self.process.stdin.write(struct.pack("<I", len(body)) + body)
        self.process.stdin.flush()

    def _receive(self):
        (length,) = struct.unpack("<I", self.process.stdout.read(4))
        return json.loads(self.process.stdout.read(length))

    def end(self):
        """Hangs up, and waits."""
        self.process.stdin.close()
        self.process.wait(timeout=10)


def profile(kind, host, codes):
    """Prints the medians over the cells."""
    runs = [host.run(code) for code in codes]
    values = {name: [phases[name] for phases, _ in runs if phases[name] is not None] for name in runs[0][0]}
    medians = {name: round(statistics.median(all_values) * 1e3, 2) if all_values else None for name, all_values in values.items()}
    print(json.dumps({"cells": kind, "unit": "ms", "runs": len(runs), **medians}), flush=True)
    return [text for _, text in runs]


def main(wanted):
    """Profiles the kinds of cells that are named, or all."""
    numbers = range(CELLS)
    with tempfile.TemporaryDirectory() as directory:
        host = CellHost(directory)
        profile("first", host, ["1 + 1"])
        profile("let x = 1;", host, [f"let x = {n};" for n in numbers])
        profile("x + 1", host, [f"x + {n}" for n in numbers])
        profile("x + 1, unchanged", host, ["x + 1000"] * CELLS)
        loops = profile("a loop of 50 million steps", host, [LOOP.format(n=n) for n in numbers[:5]])
        print(json.dumps({"loop": statistics.median(float(text.split()[1]) for text in loops), "unit": "s"}), flush=True)
        if not wanted or "polars" in wanted:
            profile("first with Polars", host, [f":dep polars\nuse polars::prelude::*;\n{DEFINE}\n{USE}".format(n=77)])
            profile("define a frame", host, [DEFINE.format(n=n) for n in numbers])
            profile("filter, group, show", host, [USE.format(n=n) for n in numbers])
        host.end()


if __name__ == "__main__":
    main(sys.argv[1:])
