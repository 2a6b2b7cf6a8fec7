"""`kernwerk.Lab` in a program: answers, errors, interrupts, threads, forks and the record of cells."""

import json
import multiprocessing
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import kernwerk
import pyarrow
import pytest
from face import BUSY, SOURCE, documents

PROGRAM = Path(sys.prefix) / "bin" / "kernwerk"


@pytest.fixture
def lab(directory):
    lab = kernwerk.Lab(directory)
    lab.run(SOURCE)
    return lab


def test_an_answer_is_to_be_shown_and_to_be_worked_with(lab):
    listed = lab.run("%feature list")
    assert "rides" in listed.text and "rides" in listed.html and listed.text == repr(listed)
    assert listed._repr_mimebundle_() == {"text/plain": listed.text, "text/html": listed.html}
    assert listed.verdict == "passed"
    status = lab.run("%lab status")
    assert status.value["lab"] == str(lab.path)
    assert status.table is None
    assert lab.run("%feature --help").value.startswith("%feature")


def test_all_rows_come_even_where_few_are_shown(lab):
    many = lab.run("%%feature sql\nSELECT value FROM generate_series(1, 500)")
    assert len(many.table) == 500
    assert "not shown" in many.html


def test_the_answer_is_the_shells(lab):
    query = "SELECT zone, count(*) AS rides, avg(fare) AS fare FROM rides GROUP BY zone ORDER BY zone"
    shell = subprocess.run([PROGRAM, "feature", "sql", query, "--format", "json"], cwd=lab.path, capture_output=True, check=True)
    assert pyarrow.table(lab.run(f"%%feature sql\n{query}").table).to_pylist() == json.loads(shell.stdout)
    for format, text in (("text", "text"), ("html", "html")):
        shell = subprocess.run([PROGRAM, "lab", "doctor", "--format", format], cwd=lab.path, capture_output=True, check=True)
        assert getattr(lab.run("%lab doctor"), text) == shell.stdout.decode().rstrip("\n")


def test_what_is_bound_stays_for_later_lines(lab):
    lab.run(BUSY)
    lab.run("%%feature sql -> asked\nSELECT ride, zone, pickup FROM rides")
    assert lab.variables["asked"].columns == ["ride", "zone", "pickup"]
    training = lab.run("%feature training asked --features busy --event-time pickup -> training")
    assert "last_fare" in training.table.columns
    assert len(lab.variables["training"]) == len(lab.variables["asked"]) == 24


@pytest.mark.parametrize(
    ("text", "name", "words"),
    [
        ("%rag serch docs x", "UnknownVerb", ("serch", "did you mean `search`?")),
        ("%feature show nobody", "", ("nobody",)),
        ('%rag search "docs', "MagicSyntax", ("never closed",)),
        ("rag search docs", "MagicSyntax", ("`rag search docs` is no magic", "%lab status")),
        ("", "MagicSyntax", ("empty",)),
        ("%lab status -> x", "NothingToBind", ("no table",)),
        ("%feature define x", "BadArguments", ("--event-time",)),
        ("%feature define x --event-time at", "MissingBody", ("%%feature define", "SQL")),
    ],
)
def test_a_mistake_is_an_exception_with_the_problems_words(lab, text, name, words):
    with pytest.raises(kernwerk.Error) as caught:
        lab.run(text)
    error = caught.value
    for word in words:
        assert word in str(error), str(error)
    assert "panicked" not in str(error) and "\x1b" not in str(error)
    assert type(error).__name__ == error.name
    assert not name or error.name == name


def test_a_mistake_in_the_last_line_is_found_before_the_first_one_runs(directory):
    lab = kernwerk.Lab(directory)
    with pytest.raises(kernwerk.Error):
        lab.run("%lab init\n%lab sttus")
    assert not (directory / ".kernwerk").exists()


def test_no_number_stands_for_what_nobody_measured(lab):
    assert str(kernwerk.Missing.UNPRICED) == "unpriced"
    assert not isinstance(kernwerk.Missing.UNPRICED, (int, float, str))


def test_other_threads_run_while_the_engine_works(lab):
    texts = documents(lab.path, 60)
    ticks, running = [], True

    def tick():
        while running:
            ticks.append(time.monotonic())
            time.sleep(0.005)

    thread = threading.Thread(target=tick)
    thread.start()
    began = time.monotonic()
    lab.run(f"%rag ingest texts {texts}")
    took = time.monotonic() - began
    running = False
    thread.join()
    assert took > 0.3, "the engine had nothing to do"
    within = [later - earlier for earlier, later in zip(ticks, ticks[1:])]
    # A lock that is held would stop the ticks for as long as the work takes.
    assert max(within) < max(0.25, took / 4), f"no tick for {max(within):.2f} s of {took:.2f} s"


def test_an_interrupt_stops_the_work_and_leaves_the_lab_as_it_was(lab):
    texts = documents(lab.path, 1500)
    threading.Timer(1.0, signal.raise_signal, [signal.SIGINT]).start()
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt) as caught:
        lab.run(f"%rag ingest texts {texts}")
    assert isinstance(caught.value, kernwerk.Interrupted), caught.value
    assert "the lab is as it was before" in str(caught.value)
    assert time.monotonic() - began < 15
    with pytest.raises(kernwerk.Error, match="texts"):
        lab.run('%rag search texts "harbour"')
    assert lab.run("%lab status").value["lab"] == str(lab.path)


def test_progress_is_told_to_a_watcher(directory):
    told = []

    class Watcher:
        def note(self, line):
            told.append(line)

        def progress(self, number, is_new, text, html):
            told.append((number, is_new, text, html))

    texts = documents(directory, 40)
    kernwerk.Lab(directory, watcher=Watcher()).run(f"%rag ingest texts {texts}")
    bars = [bar for bar in told if isinstance(bar, tuple)]
    assert len(bars) > 2 and bars[0][1] and "<progress" in bars[0][3]
    for number in {bar[0] for bar in bars}:
        assert [bar[1] for bar in bars if bar[0] == number].count(True) == 1


def test_what_a_watcher_raises_stops_the_work(directory):
    class Broken:
        def note(self, line):
            pass

        def progress(self, number, is_new, text, html):
            raise RuntimeError("no display")

    texts = documents(directory, 40)
    with pytest.raises(RuntimeError, match="no display"):
        kernwerk.Lab(directory, watcher=Broken()).run(f"%rag ingest texts {texts}")


def _count(lab, queue):
    queue.put(len(lab.run("%%feature sql\nSELECT * FROM rides").table))


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_process_has_a_session_of_its_own(lab):
    assert len(lab.run("%%feature sql\nSELECT * FROM rides").table) == 24
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    process = context.Process(target=_count, args=(lab, queue))
    process.start()
    assert queue.get(timeout=60) == 24
    process.join(timeout=60)
    assert process.exitcode == 0
    assert len(lab.run("%%feature sql\nSELECT * FROM rides").table) == 24


def test_a_lab_that_is_removed_under_a_session_is_told_and_begins_anew(directory):
    class Notes(list):
        def note(self, line):
            self.append(line)

        def progress(self, number, is_new, text, html):
            pass

    notes = Notes()
    lab = kernwerk.Lab(directory, watcher=notes)
    lab.run(SOURCE)
    before = lab.run("%lab status").value["identity"]
    shutil.rmtree(directory / ".kernwerk")
    with pytest.raises(kernwerk.Error, match="rides"):
        lab.run('%feature sql "SELECT * FROM rides"')
    assert [note for note in notes if "was removed or replaced" in note] == notes != []
    lab.run(SOURCE)
    status = lab.run("%lab status").value
    assert status["tables"] == ["rides"] and status["identity"] != before
    # Its whole directory, too.
    shutil.rmtree(directory)
    assert "no lab" in lab.run("%lab status").text


def test_each_line_is_a_cell_in_the_record(lab):
    with pytest.raises(kernwerk.Error):
        lab.run("%feature show nobody")
    report = pyarrow.table(lab.run("%cost report --by cell").table).to_pylist()
    assert len(report) >= 2, report
