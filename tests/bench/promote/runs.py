"""Whole runs: a replay beside papermill, which runs the same cells, and a publication beside `dvc add` of the same bytes."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nbformat

from tests.bench.kernel.client import started
from tests.bench.kernel.peers import PEERS
from tests.bench.table import compare

REPLAYS = 5
PUBLICATIONS = 5
DVC = "3.67.1"
# A gibibyte of eight-byte numbers, of which none is like another.
BYTES = 1 << 30
PROGRAM = Path(sys.prefix) / "bin" / "kernwerk"

RIDES = "ride,zone,pickup,fare\n" + "".join(
    f"{ride},{ride % 7},2026-03-{1 + ride % 28:02}T08:00:00Z,{5 + ride % 41}.5\n" for ride in range(5_000)
)
CELLS = [
    "%feature source rides rides.csv --event-time pickup --key ride",
    '%feature sql "SELECT zone, avg(fare) AS fare FROM rides GROUP BY zone ORDER BY zone" -> fares',
    "fn rounded(fare: f64) -> i64 {\n    fare.round() as i64\n}",
    'let mut lines = Vec::new();\nfor fare in fares.numbers("fare")?.into_iter().flatten() {\n    lines.push(rounded(fare));\n}',
    "lines.sort();",
    'println!("{lines:?}");',
    "let total: i64 = lines.iter().sum();\ntotal",
]


def replay():
    """`kernwerk promote replay` beside papermill, which runs the same cells once in the same kernel."""
    with tempfile.TemporaryDirectory() as place:
        directory = Path(place)
        (directory / "rides.csv").write_text(RIDES)
        _publish_cells(directory)
        notebook = nbformat.v4.new_notebook(
            cells=[nbformat.v4.new_code_cell(text) for text in CELLS],
            metadata={"kernelspec": {"name": "kernwerk", "display_name": "Kernwerk", "language": "rust"}},
        )
        elsewhere = directory / "elsewhere"
        elsewhere.mkdir()
        shutil.copy(directory / "rides.csv", elsewhere)
        nbformat.write(notebook, elsewhere / "in.ipynb")
        ours, peer = [], []
        papermill = [sys.executable, "-m", "papermill", "--no-progress-bar", "in.ipynb", "out.ipynb"]
        for _ in range(REPLAYS):
            ours.append(_seconds([PROGRAM, "promote", "replay", "total"], directory))
            peer.append(_seconds(papermill, elsewhere))
    return compare("replay", ours, peer, "<= 1.1", cells=len(CELLS))


def _publish_cells(directory):
    with started("kernwerk", directory) as kernel:
        kernel.run("%lab init")
        for text in CELLS:
            kernel.run(text)
        kernel.run("%promote publish total --target total")


def publish():
    """Publishing what reads a table of a gibibyte that is in the lab, beside `dvc add` of the file with the same rows."""
    import numpy
    import polars

    _install_dvc()
    with tempfile.TemporaryDirectory() as place:
        directory = Path(place)
        numbers = numpy.random.default_rng(7)
        rows = BYTES // 8 // 8
        columns = {f"c{column}": numbers.random(rows) for column in range(8)}
        polars.DataFrame(columns).write_parquet(directory / "big.parquet", compression="uncompressed")
        ours, peer = [], []
        with started("kernwerk", directory) as kernel:
            kernel.run("%lab init")
            kernel.run("%feature source big big.parquet")
        # Another kernel, in whose notebook the table is from before.
        with started("kernwerk", directory) as kernel:
            for number in range(PUBLICATIONS):
                kernel.run(f'%feature sql "SELECT count(*) + {number} AS rows FROM big" -> counted')
                ours.append(kernel.seconds(f"%promote publish counted{number} --target counted"))
                peer.append(_dvc_add(directory, number))
    return compare("publish", ours, peer, "<= 0.1", bytes=BYTES)


def _dvc_add(directory, number):
    """The seconds that DVC takes for a fresh repository to know the file."""
    place = directory / f"dvc-{number}"
    place.mkdir()
    os.link(directory / "big.parquet", place / "big.parquet")
    dvc = PEERS / "dvc" / "bin" / "dvc"
    quiet = {**os.environ, "DVC_NO_ANALYTICS": "1"}
    subprocess.run([dvc, "init", "--no-scm", "--quiet"], cwd=place, check=True, env=quiet)
    begun = time.perf_counter()
    subprocess.run([dvc, "add", "--quiet", "big.parquet"], cwd=place, check=True, env=quiet)
    seconds = time.perf_counter() - begun
    shutil.rmtree(place)
    return seconds


def _install_dvc():
    root = PEERS / "dvc"
    if (root / "bin" / "dvc").exists():
        return
    print(f"kernwerk: installing DVC {DVC}, with which publishing is compared (once)", file=sys.stderr)
    subprocess.run([sys.executable, "-m", "venv", root], check=True)
    subprocess.run([root / "bin" / "pip", "install", "--quiet", f"dvc=={DVC}"], check=True, stdout=sys.stderr)


def _seconds(command, directory):
    begun = time.perf_counter()
    subprocess.run(command, cwd=directory, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - begun
