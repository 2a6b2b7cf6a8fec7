"""Frames: Polars in Rust cells, and tables on their way from a magic into a cell."""

import os
import re
import statistics
import tempfile
import time
from pathlib import Path

import numpy
import pyarrow
import pyarrow.compute
import pyarrow.parquet

from tests.bench.kernel.client import both, started
from tests.bench.table import compare

CELLS = 20
NOTEBOOKS = 3
ROWS = 1_000_000
MANIFEST = Path(__file__).parents[3] / "kernel" / "prelude-polars" / "Cargo.toml"

# How evcxr optimises, the dependencies and the cell alike: 2 unless told otherwise. With 0 its cells compile fastest.
OPTIMISED = os.environ.get("EVCXR_OPT", "2")

# Other numbers in each cell, so that no cell has been there before.
DEFINE = 'let rides{n} = df!("zone" => ["a", "b", "a", "c"], "fare" => [1.5, {n}.0, 3.5, 4.0])?;'
USE = """rides{n}.clone().lazy().filter(col("fare").gt(lit({n}.25 - {n}.0))).group_by_stable([col("zone")])
    .agg([col("fare").mean().alias("mean")]).collect()?"""


def dependency():
    """Polars as our prelude has it: the same version with the same features."""
    return re.search(r"^polars = (.*)$", MANIFEST.read_text(), re.MULTILINE).group(1)


def _with_polars(name, code):
    """A cell that brings Polars into a notebook."""
    if name == "kernwerk":
        lines = ":dep polars"
    else:
        lines = f":opt {OPTIMISED}\n:cache 20000\n:dep polars = {dependency()}"
    return f"{lines}\nuse polars::prelude::*;\n{code}"


def polars_cell():
    """Define a frame; filter, group and show it."""
    ours, peer = [], []
    with both("kernwerk", "evcxr") as kernels:
        for kernel, name in zip(kernels, ("kernwerk", "evcxr")):
            kernel.run(_with_polars(name, ""))
            kernel.run(DEFINE.format(n=99))
            kernel.run(USE.format(n=99))
        for number in range(CELLS // 2):
            for kernel, times in zip(kernels, (ours, peer)):
                times.append(kernel.seconds(DEFINE.format(n=number)))
                times.append(kernel.seconds(USE.format(n=number)))
    return compare("polars-cell", ours, peer, "<= 0.4", evcxr_opt=OPTIMISED)


def polars_first():
    """The first cell of a new notebook that uses Polars, which was compiled for an earlier one. The kernel has run a trivial cell before."""
    times = {"kernwerk": [], "evcxr": []}
    for turn in range(NOTEBOOKS + 1):
        for name, all_times in times.items():
            with started(name) as kernel:
                kernel.run("1 + 1")
                seconds = kernel.seconds(_with_polars(name, f"{DEFINE}\n{USE}".format(n=turn)))
                # The first time it may have been compiled.
                if turn > 0:
                    all_times.append(seconds)
    return compare("polars-first", times["kernwerk"], times["evcxr"], "<= 0.3", evcxr_opt=OPTIMISED)


def arrow_in():
    """A million rows and ten columns from a magic into a Rust cell: what `-> name` adds to a magic, and opening the frame in the cell and adding up a column. The peer
    writes the same table as Parquet, reads it, and adds up the same column."""
    ours, peer = [], []
    with tempfile.TemporaryDirectory() as directory, started("kernwerk", directory) as kernel:
        table = _table()
        pyarrow.parquet.write_table(table, Path(directory) / "big.parquet")
        kernel.run("%feature source big big.parquet")
        kernel.run("use std::time::Instant;")
        query = "%feature sql SELECT * FROM big"
        kernel.run(query)
        for number in range(CELLS):
            without, bound = kernel.seconds(query), kernel.seconds(f"{query} -> big{number}")
            ours.append(bound - without + _opened(kernel, number))
            peer.append(_through_parquet(table, Path(directory) / "peer.parquet"))
    return compare("arrow-in", ours, peer, "<= 0.2")


def _opened(kernel, number):
    """Seconds to open the frame in a cell and to add up a column; the compiling of the cell is not the table's way."""
    kernel.run(f"let path = big{number}.path().to_owned();")
    cell = """let begun = Instant::now();
let frame = kernwerk::Frame::open(&path)?;
let sum: f64 = frame.numbers("x0")?.into_iter().flatten().sum();
let took = begun.elapsed().as_secs_f64();
(took, sum)"""
    took, total = re.search(r"\(([-+.e0-9]+), ([-+.e0-9]+)\)", kernel.text(cell)).groups()
    assert float(total) != 0
    return float(took)


def _through_parquet(table, path):
    begun = time.perf_counter()
    pyarrow.parquet.write_table(table, path)
    read = pyarrow.parquet.read_table(path)
    assert pyarrow.compute.sum(read["x0"]).as_py() != 0
    return time.perf_counter() - begun


def _table():
    random = numpy.random.default_rng(1)
    columns = {f"x{index}": random.normal(size=ROWS) for index in range(5)}
    columns |= {f"n{index}": random.integers(0, 1_000_000, ROWS) for index in range(3)}
    columns["zone"] = pyarrow.array(numpy.array(["harbour", "centre", "north", "east"])[random.integers(0, 4, ROWS)])
    columns["time"] = pyarrow.array(random.integers(0, 2_000_000_000_000_000, ROWS), pyarrow.timestamp("us"))
    return pyarrow.table(columns)
