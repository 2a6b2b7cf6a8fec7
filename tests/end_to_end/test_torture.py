"""Kills and crowds: a kernel that dies in the middle of its work leaves a sound lab, and many processes share one lab.

Seeded and short here; `make torture` (KERNWERK_TORTURE=1) runs the same for longer and with more seeds.
"""

import json
import os
import random
import shlex
import threading
import time

import pytest

from house import Kernel, Shell

LONG = bool(os.environ.get("KERNWERK_TORTURE"))
# So many kills, and more until one has fallen into a write; moments at which nothing is under way have nothing to recover.
KILLS = 30 if LONG else 4
MOST_KILLS = 10 * KILLS
CROWD_SECONDS = 60 if LONG else 15
ROWS = 120_000
DOCUMENTS = 24


def write_rides(shell: Shell, name: str, rows: int, seed: int):
    """A CSV of so many rides; the fare tells the seed, so that versions can be told apart."""
    lines = [f"{ride},zone {ride % 40},2026-03-01T{ride % 24:02}:{ride % 60:02}:00Z,{seed}" for ride in range(rows)]
    shell.write(name, "ride,zone,pickup,fare\n" + "\n".join(lines) + "\n")


def write_documents(shell: Shell, folder: str, count: int, seed: int):
    """Documents with a word of their own each, of some paragraphs."""
    words = random.Random(seed)
    nouns = "harbour station river bridge market ferry tunnel tower square garden".split()
    for number in range(count):
        paragraphs = [" ".join(words.choices(nouns, k=60)) + "." for _ in range(6)]
        title = f"Page {folder}{number}"
        shell.write(f"{folder}/{number}.md", f"# {title}\n\nWord{folder}{number}.\n\n" + "\n\n".join(paragraphs) + "\n")


def kills(told):
    """Numbers from 1 up, until there were enough kills and `told()` says that one had to be recovered from."""
    for number in range(1, MOST_KILLS + 1):
        yield number
        if number >= KILLS and told():
            return
    pytest.fail(f"of {MOST_KILLS} kills none fell into a write, or the next start did not tell")


def kill_in_the_middle(shell: Shell, cell: str, moments: random.Random, whole_seconds: float) -> bool:
    """Starts a kernel, sends a cell that takes about so long, and kills the kernel at some moment of it.

    Whether the next start said that something had been cut off.
    """
    with Kernel(shell.directory) as kernel:
        kernel.run("%lab status").ok()
        kernel.send(cell)
        time.sleep(moments.uniform(0.05, 1.0) * whole_seconds)
        kernel.kill()
    status = shell("lab", "status")
    status.ok()
    again = shell("lab", "status")
    again.ok()
    assert "cut off" not in again.stderr, "what was recovered is told twice"
    return bool(status.stderr.strip())


def seconds_of(shell: Shell, cell: str) -> float:
    """How long the cell takes in a kernel that is left alone."""
    with Kernel(shell.directory) as kernel:
        kernel.run("%lab status").ok()
        begun = time.monotonic()
        kernel.run(cell).ok()
        return time.monotonic() - begun


def rows(shell: Shell, sql: str):
    """The rows of a query."""
    found = shell("feature", "sql", sql, "--format", "json").json()
    return found if isinstance(found, list) else found["rows"]


def test_a_kill_in_the_middle_of_source(shell):
    cell = "%feature source rides rides.csv --event-time pickup --key ride"
    for seed in (-1, 0):
        write_rides(shell, "rides.csv", ROWS, seed)
        whole = seconds_of(shell, cell)
    moments = random.Random(1)
    told = 0
    last = 0
    for seed in kills(lambda: told > 0):
        write_rides(shell, "rides.csv", ROWS, seed)
        told += kill_in_the_middle(shell, cell, moments, whole)
        found = rows(shell, "SELECT fare, count(*) AS rides FROM rides GROUP BY fare")
        assert found in ([{"fare": last, "rides": ROWS}], [{"fare": seed, "rides": ROWS}]), "half a version"
        last = found[0]["fare"]
    shell("feature", "source", "rides", "rides.csv", "--event-time", "pickup", "--key", "ride").ok()
    assert rows(shell, "SELECT DISTINCT fare FROM rides") == [{"fare": seed}]


def test_a_kill_in_the_middle_of_ingest(shell):
    write_documents(shell, "a", DOCUMENTS, seed=0)
    shell("rag", "ingest", "pages", "a").ok()
    write_documents(shell, "b", DOCUMENTS, seed=1)
    probe = Shell(shell.directory / "probe")
    probe.directory.mkdir()
    write_documents(probe, "b", DOCUMENTS, seed=1)
    probe("lab", "init").ok()
    whole = seconds_of(probe, "%rag ingest pages b")
    moments = random.Random(2)
    told = 0
    for seed in kills(lambda: told > 0):
        write_documents(shell, "b", DOCUMENTS, seed)
        told += kill_in_the_middle(shell, "%rag ingest pages b", moments, whole)
        # What was there is still found, and a document is there whole or not at all.
        assert "a/0.md" in shell("rag", "search", "pages", "Worda0", "--mode", "text", "--format", "csv").ok()
    shell("rag", "ingest", "pages", "b").ok()
    for number in range(DOCUMENTS):
        found = shell("rag", "search", "pages", f"Wordb{number}", "--mode", "text", "-k", "1", "--format", "csv").ok()
        assert f"b/{number}.md" in found


def test_a_kill_in_the_middle_of_publish(shell):
    write_rides(shell, "rides.csv", 2_000, seed=0)
    write_rides(shell, "requests.csv", 50, seed=0)
    setup = (
        "%feature source rides rides.csv --event-time pickup --key ride\n"
        "%feature source requests requests.csv --event-time pickup --key ride\n"
        "%%feature define fares --entity zone --event-time pickup --ttl 24h\n"
        "SELECT zone, pickup, fare AS last_fare FROM rides"
    )
    training = "%feature training requests --features fares -> training"
    publish = "%promote publish pipe --target training"
    moments = random.Random(3)
    with Kernel(shell.directory) as kernel:
        kernel.run(setup).ok()
        kernel.run(training).ok()
        begun = time.monotonic()
        kernel.run(publish).ok()
        whole = time.monotonic() - begun
    published = 1
    told = 0
    for _ in kills(lambda: told > 0):
        with Kernel(shell.directory) as kernel:
            kernel.run(setup).ok()
            kernel.run(training).ok()
            kernel.send(publish)
            time.sleep(moments.uniform(0.05, 1.0) * whole)
            kernel.kill()
        status = shell("lab", "status")
        status.ok()
        told += bool(status.stderr.strip())
        versions = sorted(int(path.name) for path in (shell.directory / "pipelines" / "pipe").iterdir())
        assert versions in (list(range(1, published + 1)), list(range(1, published + 2))), "a draft among the versions"
        published = len(versions)
        for version in versions:
            shell("promote", "verify", f"pipe@{version}").ok()


def test_two_kernels_and_a_shell_on_one_lab(shell):
    """Every load is a version of its own, every document is found, every cell is in the ledger."""
    shell("lab", "init").ok()
    members = ["ada", "ben", "shell"]
    deadline = time.monotonic() + CROWD_SECONDS
    loads = dict.fromkeys(members, 0)
    failures = []

    def work(name, run):
        try:
            count = 0
            while time.monotonic() < deadline:
                write_rides(shell, f"{name}.csv", 500 + count, seed=members.index(name))
                write_documents(shell, f"{name}{count}x", 2, seed=count)
                run(f"feature source shared {name}.csv --event-time pickup --key ride")
                run(f"feature source {name} {name}.csv --event-time pickup --key ride")
                run(f"rag ingest pages {name}{count}x")
                run(f"feature sql 'SELECT count(*) AS rides FROM {name}'")
                count += 1
                loads[name] = count
        except BaseException as error:
            failures.append((name, error))
            raise

    def in_a_kernel(name):
        with Kernel(shell.directory) as kernel:
            work(name, lambda line: kernel.run("%" + line).ok())

    def in_a_shell(line):
        shell(*shlex.split(line)).ok()

    crowd = [threading.Thread(target=in_a_kernel, args=(name,)) for name in members[:2]]
    crowd.append(threading.Thread(target=work, args=("shell", in_a_shell)))
    for member in crowd:
        member.start()
    for member in crowd:
        member.join()
    assert not failures, failures
    assert all(loads.values()), loads

    versions = shell("feature", "history", "shared", "--format", "json").json()
    versions = versions if isinstance(versions, list) else versions["rows"]
    assert len(versions) == sum(loads.values()), "a load of the shared table is lost"
    for name, count in loads.items():
        assert rows(shell, f"SELECT count(*) AS rides FROM {name}") == [{"rides": 500 + count - 1}]
        for load in range(count):
            for number in range(2):
                word = f"Word{name}{load}x{number}"
                found = shell("rag", "search", "pages", word, "--mode", "text", "-k", "1", "--format", "csv").ok()
                assert f"{name}{load}x/{number}.md" in found, f"{word} is lost"
    assert json.loads(shell("lab", "doctor", "--format", "json").ok())


@pytest.mark.skipif(not LONG, reason="a soak test: make torture")
def test_a_kernel_for_many_cells(kernel):
    """Thousands of magics in one kernel: memory settles."""
    Shell(kernel.directory).write("rides.csv", "ride,zone,pickup\n1,A,2026-03-01T08:00:00Z\n")
    kernel.run("%feature source rides rides.csv --event-time pickup --key ride").ok()

    def resident_megabytes():
        with open(f"/proc/{kernel.pid}/statm") as statm:
            return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6

    for _ in range(200):
        kernel.run("%feature sql SELECT count(*) AS rides FROM rides").ok()
    settled = resident_megabytes()
    for _ in range(2_000):
        kernel.run("%feature sql SELECT count(*) AS rides FROM rides").ok()
    assert resident_megabytes() < settled + 100
