"""Where verbs write, what their exports take, and which notebook they are about: what is wrong is said before anything runs, and nothing that others
need is replaced."""

import json
import os
import subprocess
import sys

import nbformat
import pytest

from artifact import Project
from house import PROGRAM, Kernel

RIDES = "ride,zone,pickup,fare\n1,1,2026-03-01T08:00:00Z,12.5\n2,2,2026-03-01T08:10:00Z,7.25\n3,1,2026-03-01T08:20:00Z,9.75\n"
CELLS = [
    "%feature source rides rides.csv --event-time pickup",
    "%promote param least=8 day=2026-01-01 zone:text='a \"b\" $c' unused=1",
    "%feature sql SELECT ride, $day AS day, $zone AS name FROM rides WHERE fare >= $least ORDER BY ride -> dear",
]


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A lab with an artifact of magics alone, whose notebook the user has named."""
    project = Project(tmp_path_factory.mktemp("places") / "a lab")
    project.directory.mkdir()
    project.write("rides.csv", RIDES)
    project.write("extra.txt", "more\n")
    project.write("dear.ipynb", "{}")
    with Kernel(project.directory, {"KERNWERK_NOTEBOOK": "dear.ipynb"}) as kernel:
        kernel.run("%lab init").ok()
        for cell in CELLS:
            kernel.run(cell).ok()
        published = kernel.run("%promote publish dear --target dear --input extra.txt").ok()
        kernel.run("%promote plan dear --target deer").failed("no recorded cell", "did you mean `dear`?")
        kernel.run("%promote param Some=1").failed("`Some`", "Rust", "choose another name")
        kernel.run("%feature sql SELECT fare / nothing FROM rides -> broken").failed("nothing")
        kernel.run("%promote plan x --target broken").failed("`broken` has no value", "In[8], which makes it, failed at", "run it again")
    assert "no cell uses the parameter `unused`" in published, published
    # Whoever gave the file knows that.
    assert "cells name it" not in published, published
    return project


def records(project) -> int:
    return len(project("promote", "runs", "dear", "--format", "json").json())


@pytest.mark.parametrize(
    "place, words",
    [
        ("x.pdf", ["a table, which cannot be written", ".parquet"]),
        ("rides.csv", ["an input of dear@1", "replaced"]),
        ("./new/../rides.csv", ["an input of dear@1"]),
        ("extra.txt/x.csv", ["extra.txt, which is a file"]),
        ("pipelines/dear/1/cells/01.rs", ["a file of an artifact"]),
        (".kernwerk/ledger.csv", ["the lab's own"]),
        ("kernwerk.toml", ["the lab's settings"]),
        ("dear.ipynb", ["the notebook of dear@1"]),
        ("pipelines", ["is a directory", "name a file in it"]),
        ("/dev/full", ["no regular file"]),
        ("new/", ["names no file"]),
    ],
)
def test_a_place_that_cannot_be_is_refused_before_the_run(project, place, words):
    before = records(project)
    project("promote", "run", "dear", "--fresh", "--output", place).failed(*words)
    assert records(project) == before and (project.directory / "rides.csv").read_text() == RIDES


def test_other_verbs_look_at_their_places_as_well(project):
    project("promote", "replay", "dear", "--report", "dear.ipynb").failed("the notebook of dear@1")
    project("promote", "replay", "dear", "--report", "report.pdf").failed("report.pdf", ".html")
    project("promote", "run", "dear", "--lineage", "rides.csv").failed("--lineage", "an input")
    project.write("notes.csv", "a,b\n")
    project("promote", "run", "dear", "--lineage", "notes.csv").failed("something else than events")
    project("promote", "card", "dear", "--to", "rides.csv").failed("does not end in", "`.md`")
    project("promote", "sbom", "dear", "--to", "kernwerk.toml").failed("`.json`")
    project("promote", "plan", "dear", "--target", "dear", "--graph", "rides.png").failed("`.svg`")
    project("promote", "export", "dear", "--to", "notebook", "--output", "dear.ipynb", "--overwrite").failed("the notebook of dear@1")
    project("promote", "export", "dear", "--to", "script", "--output", "rides.csv", "--overwrite").failed("an input of dear@1")
    assert (project.directory / "rides.csv").read_text() == RIDES and (project.directory / "dear.ipynb").read_text() == "{}"


@pytest.mark.parametrize(
    "words",
    [
        ("run", "dear", "--fresh", "--output", "mis/spelt/dear.csv"),
        ("run", "dear", "--fresh", "--lineage", "mis/spelt/events.jsonl"),
        ("replay", "dear", "--report", "dear.html", "--report", "mis/spelt/dear.html"),
        ("card", "dear", "--to", "mis/spelt/README.md"),
        ("sbom", "dear", "--to", "mis/spelt/dear.json"),
        ("plan", "dear", "--target", "dear", "--notebook", "dear.ipynb", "--graph", "mis/spelt/dear.svg"),
        ("diff", "dear@1", "dear@1", "--html", "mis/spelt/dear.html"),
        ("export", "dear", "--to", "script", "--output", "mis/spelt/dear.sh"),
        ("export", "dear", "--to", "notebook", "--output", "mis/spelt/dear.ipynb", "--overwrite"),
    ],
)
def test_a_directory_that_is_not_there_is_told_before_anything_runs(project, words):
    before = records(project)
    project("promote", *words).failed(words[-1 if words[-1] != "--overwrite" else -2], f"there is no directory {project.directory / 'mis/spelt'}", "make it first")
    assert records(project) == before and not (project.directory / "mis").exists() and not (project.directory / "dear.html").exists()


def test_a_file_is_written_into_a_directory_that_is_there(project):
    (project.directory / "some" / "place").mkdir(parents=True)
    told = project("promote", "run", "dear", "--output", "some/place/dear.csv").ok()
    assert "a table of 2 rows with the columns ride, day, name" in told, told
    assert (project.directory / "some/place/dear.csv").read_text().startswith("ride,day,name\n1,2026-01-01,")
    project("promote", "replay", "dear", "--report", "some/dear.html").ok()
    assert (project.directory / "some/dear.html").is_file()


def test_two_names_of_one_file_are_told_before_anything_runs(project):
    before = records(project)
    project("promote", "run", "dear", "--fresh", "--output", "one.json", "--lineage", "./one.json").failed("--output one.json", "--lineage ./one.json", "the same file")
    (project.directory / "twice.html").touch()
    (project.directory / "linked.html").symlink_to("twice.html")
    project("promote", "replay", "dear", "--report", "twice.html", "--report", "linked.html").failed("twice.html", "linked.html", "the same file")
    assert records(project) == before and not (project.directory / "one.json").exists() and not (project.directory / "twice.html").read_text()


def test_a_name_that_is_none_makes_no_lab(tmp_path):
    """Nor does a slip of the pen in the name of a version mean another one."""
    nowhere = Project(tmp_path)
    for words in (
        ("replay", "fares@1"), ("run", "fares"), ("stage", "fares@1", "production"), ("approve", "fares@1", "production"), ("alias", "fares@1", "mine"),
        ("rollback", "fares"), ("restore", "fares@1"), ("sign", "fares@1", "--key", "ada"), ("gates", "fares@1"), ("prune", "fares", "--apply"),
        ("prune", "--keep-versions", "1", "--apply"), ("export", "fares", "--to", "crate"), ("export", "fares", "--to", "mlflow", "--server", "http://127.0.0.1:9"),
    ):
        nowhere("promote", *words).failed("there is no lab")
    assert not list(tmp_path.iterdir())
    nowhere("promote", "replay", "fares@01").failed("`fares@01` does not name an artifact", "did you mean `fares@1`?")


def test_a_count_is_no_negative_number(project):
    for option in ("--keep-versions", "--keep-days", "--keep-runs", "--keep-rollbacks"):
        for value in ("-1", "1.5", "many"):
            project("promote", "prune", option, value).failed(f"'{value}'", option, "a whole number from 0")
    project("promote", "run", "dear", "--retries", "-1").failed("--retries", "a whole number from 0")


def test_a_script_takes_the_parameters_as_arguments(project, tmp_path):
    """As the pipeline declares them: of their types, with their defaults; a wrong one is said before the first command."""
    (project.directory / "bin").mkdir()
    project("promote", "export", "dear", "--to", "script", "--output", "bin/dear.sh").ok()
    script = project.directory / "bin" / "dear.sh"
    environment = {**os.environ, "PATH": f"{PROGRAM.parent}:{os.environ['PATH']}"}

    def run(*words):
        return subprocess.run([script, *words], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60)

    def rows() -> list:
        import pyarrow

        with pyarrow.ipc.open_stream(project.directory / "dear.arrow") as found:
            return [(row["ride"], str(row["day"]), row["name"]) for row in found.read_all().to_pylist()]

    ran = run("--help")
    assert ran.returncode == 0 and "least=8  (integer)" in ran.stdout and "day=2026-01-01  (date)" in ran.stdout, ran
    ran = run()
    assert ran.returncode == 0, ran.stderr
    assert rows() == [(1, "2026-01-01", 'a "b" $c'), (3, "2026-01-01", 'a "b" $c')]
    ran = run("least=10", "zone=$(touch x) `y` 'z' \\", "day=2026-02-28")
    assert ran.returncode == 0, ran.stderr
    assert rows() == [(1, "2026-02-28", "$(touch x) `y` 'z' \\")]
    (project.directory / "dear.arrow").unlink()
    for words, wrong in [(["least=many"], "of type integer"), (["day=2026-02-30"], "of type date"), (["lest=1"], "--help lists"), (["least"], "--help lists")]:
        ran = run(*words)
        assert ran.returncode == 2 and wrong in ran.stderr, ran
    assert not (project.directory / "dear.arrow").exists() and not list(tmp_path.iterdir())


def test_a_shell_gives_sql_its_parameters(project):
    found = project("feature", "sql", "SELECT $least + 1 AS n, $day AS day", "--with", "least=4", "--with", "day:text=today", "--format", "json").json()
    assert found == [{"n": 5, "day": "today"}]
    project("feature", "sql", "SELECT 1", "--with", "least:integer=x").failed("of type integer")


def executed(directory, tool, *words):
    """Runs a notebook of magics by a tool that tells the kernel nothing of it."""
    cells = [nbformat.v4.new_code_cell(cell) for cell in ("%lab init", CELLS[0], "%feature sql SELECT max(fare) AS most FROM rides -> most")]
    book = nbformat.v4.new_notebook(cells=cells)
    book.metadata["kernelspec"] = {"name": "kernwerk", "display_name": "Kernwerk (Rust)", "language": "rust"}
    (directory / "rides.csv").write_text(RIDES)
    nbformat.write(book, directory / "most.ipynb")
    environment = {name: value for name, value in os.environ.items() if name not in ("JPY_SESSION_NAME", "KERNWERK_NOTEBOOK")}
    ran = subprocess.run([sys.executable, "-m", tool, *words], cwd=directory, env=environment, capture_output=True, text=True, timeout=120)
    assert ran.returncode == 0, ran.stderr


@pytest.mark.parametrize(
    "tool, words",
    [
        ("nbconvert", ["--to", "notebook", "--execute", "--inplace", "most.ipynb"]),
        ("papermill", ["most.ipynb", "out.ipynb", "--no-progress-bar"]),
    ],
)
def test_a_notebook_that_a_tool_ran_is_found_by_its_name_and_without(tmp_path, tool, words):
    executed(tmp_path, tool, *words)
    project = Project(tmp_path)
    told = project("promote", "plan", "most", "--target", "most")
    assert "most: 2 of" in told.ok() and "those of most.ipynb, the only notebook" in told.stderr, told
    project("promote", "publish", "most", "--target", "most", "--notebook", "most.ipynb").ok()
    proof = json.loads((tmp_path / "pipelines/most/1/attestations/proof.json").read_text())
    assert proof["notebook"] == "most.ipynb"
