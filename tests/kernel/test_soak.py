"""Random cells for a long time: valid ones, and such that fail, panic, crash or are interrupted, in a kernel that is killed and started again.

Seeded, and short here; `make torture` (KERNWERK_TORTURE=1) runs it for an hour.
"""

import os
import random
import sys
import time
from collections import Counter, deque

import psutil
import pytest

from house import Kernel, Shell
from notebook import Notebook

LONG = bool(os.environ.get("KERNWERK_TORTURE"))
SECONDS = 3600 if LONG else 45
SEED = 20261129
# What the kernel, its cell host, the supervisor, the worker and its copies take together. Each cell that ran stays loaded.
MOST_BYTES = 2 << 30
# A compiled cell is a library of some ten thousand bytes, and what evcxr and the analyser keep of its text.
MOST_BYTES_A_CELL = 600_000
# Kernel, cell host, supervisor, worker, its copy, a copy that answers questions, and a compiler or two.
MOST_PROCESSES = 12
RIDES = "ride,zone,pickup\n" + "".join(f"{ride},z{ride % 7},2026-03-01T08:00:00Z\n" for ride in range(500))

CRASHES = (
    "std::process::abort();",
    "std::process::exit(3);",
    "unsafe { *(std::hint::black_box(8_usize) as *mut u8) = 1; }",
    'std::process::Command::new("kill").args(["-9", &std::process::id().to_string()]).status().unwrap(); loop {}',
    "fn deep(n: u64) -> u64 { if n == 0 { 0 } else { 1 + std::hint::black_box(deep(n - 1)) } }\ndeep(1 << 40);",
)
BROKEN = (
    ('let wrong: i32 = "text";', "mismatched types"),
    ("let wrong = nowhere;", "nowhere"),
    ("let wrong = ;", "expected expression"),
    ("use std::nothing::here;", "nothing"),
    ('let text = "never closed', "never closed"),
)


class Soak:
    """A kernel, what its notebook should hold, and what has happened to both."""

    def __init__(self, directory, seconds, frames):
        self.rng = random.Random(SEED)
        self.shell = Shell(directory)
        self.shell.write("rides.csv", RIDES)
        self.frames = frames
        self.end = time.monotonic() + seconds
        self.counts = Counter()
        self.last = deque(maxlen=12)
        self.slowest_interrupt = 0.0
        self.sizes = []
        self.lives = 0

    def run(self):
        while time.monotonic() < self.end:
            with Kernel(self.shell.directory) as self.kernel:
                self.live()
                family = self.family()
                self.finish()
            gone, alive = psutil.wait_procs(family, timeout=10)
            assert not alive, f"{alive} outlived the kernel"

    def live(self):
        """One life of the kernel."""
        self.lives += 1
        self.notebook = Notebook(self.rng, polars=self.frames and self.lives % 2 == 0)
        for cell in self.notebook.first_cells():
            self.cell(cell).ok()
        # Without identities of cells the same text is the same cell, and random cells are often the same.
        self.cell("%kernel stale --quiet").ok()
        self.cell("%feature source rides rides.csv --event-time pickup --key ride").ok()
        steps, weights = zip(*STEPS.items())
        for number in range(self.rng.randrange(80, 400)):
            if time.monotonic() >= self.end:
                return
            step = self.rng.choices(steps, weights)[0]
            self.counts[step.__name__] += 1
            step(self)
            self.look()
            if number % 20 == 19:
                self.measure(number)

    def cell(self, code):
        self.last.append(code)
        return self.kernel.run(code)

    def look(self):
        """Everything is as the model says."""
        code, text = self.notebook.look()
        assert self.cell(code).ok() == text

    def family(self):
        kernel = psutil.Process(self.kernel.pid)
        return [kernel, *kernel.children(recursive=True)]

    def measure(self, number):
        family = self.family()
        assert len(family) <= MOST_PROCESSES, family
        size = 0
        for process in family:
            # Some end while they are looked at.
            try:
                size += process.memory_full_info().pss
            except (psutil.ZombieProcess, psutil.NoSuchProcess):
                continue
        assert size < MOST_BYTES, f"{size} bytes"
        self.sizes.append((self.lives, number, size))

    def finish(self):
        """The end of a life: most are quiet ones."""
        end = self.rng.choice(("quit", "quit", "restart", "kill"))
        self.counts[end] += 1
        if end == "kill":
            self.kernel.kill()
        elif end == "restart":
            self.kernel.manager.restart_kernel()
            self.kernel.client.wait_for_ready(timeout=60)
            assert self.cell("1 + 1").ok() == "2\n"

    def growth(self):
        """Bytes that a cell added, at most, in lives that were long enough to tell."""
        found = [0.0]
        for life in {life for life, _, _ in self.sizes}:
            sizes = [(number, size) for of, number, size in self.sizes if of == life]
            (first, small), (last, large) = sizes[len(sizes) // 3], sizes[-1]
            if last - first >= 60:
                # Each step has a cell that looks, too.
                found.append((large - small) / (2 * (last - first)))
        return max(found)


def define(soak):
    soak.cell(soak.notebook.define()).ok()


def change(soak):
    soak.cell(soak.notebook.change()).ok()


def compile_error(soak):
    code, words = soak.rng.choice(BROKEN)
    soak.cell(soak.notebook.spoiled(code)).failed(words)


def question_mark(soak):
    soak.cell('let number: i64 = "x1".parse::<i64>()?;').failed("invalid digit")


def panic(soak):
    soak.cell('let none: Option<u8> = None;\nnone.expect("as planned");').failed("as planned")


def crash(soak):
    reply = soak.cell(soak.notebook.spoiled(soak.rng.choice(CRASHES)))
    assert reply.status == "error" and "all variables are as they were" in reply.text(), reply.text()


def interrupt(soak):
    request = soak.kernel.send(soak.notebook.spoiled('println!("begun"); loop { std::hint::spin_loop() }'))
    deadline = time.monotonic() + 60
    while soak.kernel._next(soak.kernel.client.get_iopub_msg, deadline)["msg_type"] != "stream":
        pass
    begun = time.monotonic()
    soak.kernel.manager.interrupt_kernel()
    soak.kernel.wait(request, 30).failed("interrupted")
    soak.slowest_interrupt = max(soak.slowest_interrupt, time.monotonic() - begun)


def interrupt_at_any_moment(soak):
    """Also while it is compiled, and when it is over already."""
    request = soak.kernel.send(soak.notebook.spoiled("std::thread::sleep(std::time::Duration::from_secs(60));"))
    time.sleep(soak.rng.uniform(0.0, 0.5))
    soak.kernel.manager.interrupt_kernel()
    soak.kernel.wait(request, 30).failed("interrupted")


def worker_is_killed(soak):
    workers = {process.pid: process for process in soak.family() if role(process) == "worker"}
    # Its copy is its child.
    [worker] = [process for process in workers.values() if process.ppid() not in workers]
    worker.kill()
    assert "all variables were kept" in soak.cell("();").ok()


def role(process):
    try:
        return process.environ().get("KERNWERK_CELL_ROLE")
    except (psutil.ZombieProcess, psutil.NoSuchProcess):
        return None


def flood(soak):
    lines = soak.rng.randrange(10_000, 60_000)
    text = soak.cell(f'for line in 0..{lines} {{ println!("{{line}}"); }}').ok()
    assert text.count("\n") == lines or "left out" in text, text[-200:]


def threads(soak):
    number = soak.rng.randrange(1000)
    assert soak.cell(f"std::thread::spawn(|| {number} + 1).join().unwrap()").ok() == f"{number + 1}\n"


def magic(soak):
    assert "rides" in soak.cell("%feature sql SELECT count(*) AS rides FROM rides").ok()
    soak.cell("%lab status").ok()
    soak.cell("%feature sql SELECT nothing FROM rides").failed("nothing")


def table(soak):
    zone = soak.rng.randrange(7)
    soak.cell(f"%feature sql SELECT ride FROM rides WHERE zone = 'z{zone}' -> some_rides").ok()
    rows = "height" if soak.notebook.polars else "rows"
    assert soak.cell(f"some_rides.{rows}()").ok() == f"{len(range(zone, 500, 7))}\n"


def questions(soak):
    soak.kernel.client.complete("twi", 3)
    soak.kernel.client.inspect("twice", 2)
    assert soak.cell("twice(21)").ok() == "42\n"


STEPS = {
    define: 20,
    change: 20,
    compile_error: 8,
    question_mark: 4,
    panic: 6,
    crash: 8,
    interrupt: 6,
    interrupt_at_any_moment: 4,
    worker_is_killed: 4,
    flood: 1,
    threads: 4,
    magic: 3,
    table: 3,
    questions: 4,
}


@pytest.mark.timeout(SECONDS + 600)
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="counts processes and their memory as Linux does")
def test_random_cells(tmp_path):
    soak = Soak(tmp_path, SECONDS, frames=LONG)
    try:
        soak.run()
    except AssertionError as error:
        raise AssertionError(f"life {soak.lives}, {soak.counts}; the last cells:\n" + "\n---\n".join(soak.last)) from error
    growth = soak.growth()
    print(f"\n{sum(soak.counts.values())} steps in {soak.lives} lives, slowest interrupt {soak.slowest_interrupt:.2f} s, {growth / 1000:.0f} kB a cell")
    print(f"largest {max((size for _, _, size in soak.sizes), default=0) / 1e6:.0f} MB; {dict(soak.counts)}")
    assert growth < MOST_BYTES_A_CELL
    soak.shell("lab", "doctor").ok()
