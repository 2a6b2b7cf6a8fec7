"""Notebooks in `corpus/`, one a file, each with the cells that its target needs: the plan must hold these and no others.

What is needed was thought out from what Rust does, not read off the program. A cell too many hides what a result depends on, and one too few
gives another result. README.md in `corpus/` says how a case is written.

Kernels are slow to start, so that cases share one: the cells of the cases before are cells of the same notebook, and never needed. With
KERNWERK_TORTURE=1 all cases run, and each is published and replayed as another user on another machine, once more with a wrong result; without, those that say more than others do.
"""

import os
import re
import shutil
import tempfile
from pathlib import Path

import pytest
from blake3 import blake3

from artifact import Project, agreements, assert_differs
from corpus import Case, assert_slice, read
from house import Kernel, Shell
from surroundings import ONE_CORE, elsewhere, replay

CORPUS = Path(__file__).parent / "corpus"
NOTEBOOK = "corpus.ipynb"
LONG = bool(os.environ.get("KERNWERK_TORTURE"))
# Kernels with more variables than those of so many cases compile slowly.
MOST_CASES = 14

TOPICS = """mutation aliasing shadowing hidden-state order edited failing items use dep unsafe flow moved patterns reading unrelated random time
threads maps floats files environment magics frames exploration""".split()


def in_order(cases):
    """The cases such that those that spoil a kernel for others are spread, each behind some that do not."""
    clean = [case for case in cases if not case.last]
    last = [case for case in cases if case.last]
    share = -(-len(clean) // max(len(last), 1))
    ordered = []
    for case in last:
        ordered += [*clean[:share], case]
        del clean[:share]
    return ordered + clean


CORPUS_CASES = [read(path) for path in sorted(CORPUS.glob("*.nb.txt"))]
CASES = in_order([case for case in CORPUS_CASES if LONG or not case.long])
# Older than any cell: a file of about the time at which a cell ran may have been written by it.
LONG_AGO = 1_700_000_000


class Notebook:
    """One kernel in one lab, for the cells of several cases."""

    def __init__(self, directory: Path):
        self.shell = Shell(directory)
        self.shell("lab", "init").ok()
        # Cells that were edited or ran again leave old values behind on purpose here.
        self.shell.write("kernwerk.toml", '[promote.gates]\nwarn = ["staleness"]\n')
        environment = {"JPY_SESSION_NAME": str(directory / NOTEBOOK)}
        for case in CASES:
            environment |= case.environment
            for name, content in case.files.items():
                path = self.shell.write(name, content)
                os.utime(path, (LONG_AGO, LONG_AGO))
        self.kernel = Kernel(directory, environment)
        self.cases = 0

    def send(self, text: str, cell: str) -> str:
        """Sends a cell with the identity that a front end would give it."""
        session, channel = self.kernel.client.session, self.kernel.client.shell_channel
        content = {"code": text, "silent": False, "store_history": True, "user_expressions": {}, "allow_stdin": False, "stop_on_error": False}
        message = session.msg("execute_request", content)
        message["metadata"] = {"cellId": cell}
        channel.send(message)
        return message["header"]["msg_id"]

    def run(self, case: Case) -> dict:
        """Runs the cells of a case. Gives each by the number that it has in the notebook's record."""
        ran = {}
        for place, cell in enumerate(case.cells):
            reply = self.kernel.wait(self.send(cell.text, f"{case.name}-{cell.id or place}"))
            assert reply.status == ("error" if cell.end else "ok"), f"{cell.text}\n{reply.text()}"
            if cell.end:
                assert (reply.content["ename"] == "CompileError") == (cell.end == "rejected"), f"{cell.text}\n{reply.text()}"
            ran[reply.content["execution_count"]] = cell
        return ran

    def plan(self, case: Case) -> dict:
        """What the plan says of each cell of the notebook, by its number: whether it is kept, and why."""
        arguments = ("promote", "plan", case.name, "--target", case.target, "--notebook", NOTEBOOK, "--format", "json")
        rows = self.shell(*arguments).json()
        return {row["cell"]: (row["decision"] == "kept", row["why"]) for row in rows}


@pytest.fixture(scope="module")
def notebooks(tmp_path_factory):
    """Gives a case the notebook that it runs in: the one before, as long as no case has spoiled it."""
    open_one = []

    def end():
        for notebook in open_one:
            notebook.kernel.__exit__()
        open_one.clear()

    def notebook_for(case: Case) -> Notebook:
        if case.first:
            end()
        if not open_one:
            notebook = Notebook(tmp_path_factory.mktemp("lab"))
            notebook.kernel.__enter__()
            open_one.append(notebook)
        notebook = open_one[0]
        notebook.cases += 1
        return notebook

    def done(case: Case):
        if open_one and (case.last or open_one[0].cases >= MOST_CASES):
            end()

    notebook_for.done = done
    yield notebook_for
    end()


def assert_published(case: Case, notebook: Notebook):
    """Publishing says what it must, writes just the cells that are needed, and these replay."""
    published = notebook.kernel.run(f"%promote publish {case.name} --target {case.target}")
    verdict, *words = case.publish
    if verdict == "refused":
        published.failed(*words)
        assert not (notebook.shell.directory / "pipelines" / case.name).exists()
        return
    text = published.ok()
    assert ("not compared" in text) == (verdict == "partly"), text
    for word in words:
        assert word in text, f"no {word!r} in: {text}"
    artifact = notebook.shell.directory / "pipelines" / case.name / "1"
    cells = sorted((artifact / "cells").iterdir())
    assert [path.read_text() for path in cells] == [cell.text + "\n" for cell in case.cells if cell.needed]
    if LONG:
        assert_same_elsewhere(case, notebook.shell.directory)
    else:
        notebook.kernel.run(f"%promote replay {case.name}").ok()


def assert_same_elsewhere(case: Case, lab: Path):
    """Another user of another machine with one core finds the same bytes, and sees that a result is not what the cells give."""
    with tempfile.TemporaryDirectory() as place:
        project = Project(Path(place) / "project")
        project.artifact_path = Path("pipelines") / case.name / "1"
        shutil.copytree(lab / project.artifact_path, project.artifact("."))
        for name in case.files:
            shutil.copy(lab / name, project.directory)
        environment = elsewhere(Path(place))
        again = replay(project.directory, case.name, "--format", "json", environment=environment, first=ONE_CORE)
        assert again.code == 0, again.stdout + again.stderr
        if case.publish[0] == "agrees":
            assert set(agreements(again)) <= {"identical", "shows nothing to compare"}, again.stdout
        if plant_in_a_result(project):
            project.forge(case.name)
            assert_differs(replay(project.directory, case.name, environment=environment), "is the first to diverge")


def plant_in_a_result(project: Project) -> bool:
    """Writes another value into the last result of the artifact that is a text, as somebody would who hides it. Whether there is one."""
    for path in sorted(project.artifact("outputs").glob("*.txt"), reverse=True):
        before = path.read_bytes()
        digit = re.search(rb"\d|[a-z]", before)
        if digit is None:
            continue
        other = b"8" if digit[0] == b"7" else b"7"
        path.write_bytes(before[: digit.start()] + other + before[digit.end() :])
        pipeline = project.artifact("pipeline.toml")
        new = blake3(path.read_bytes()).hexdigest()
        pipeline.write_text(pipeline.read_text().replace(blake3(before).hexdigest(), new))
        return True
    return False


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_slice_is_what_the_target_needs(case, notebooks):
    notebook = notebooks(case)
    try:
        ran = notebook.run(case)
        assert_slice(case, ran, notebook.plan(case))
        if LONG or case.prove:
            assert_published(case, notebook)
    finally:
        notebooks.done(case)


def test_the_corpus_covers_what_it_must():
    for cases in (CORPUS_CASES, CASES):
        assert len(cases) >= 60
        for topic in TOPICS:
            assert any(topic in case.topics and any(not cell.needed for cell in case.cells) for case in cases), topic
    assert {topic for case in CORPUS_CASES for topic in case.topics} == set(TOPICS)
    assert len({case.title for case in CORPUS_CASES}) == len(CORPUS_CASES)
    assert all(any(cell.needed for cell in case.cells) for case in CORPUS_CASES)
    files = [name for case in CORPUS_CASES for name in case.files]
    assert len(set(files)) == len(files)
    assert not any(case.prove and case.long for case in CORPUS_CASES)
    explorations = [case for case in CORPUS_CASES if "exploration" in case.topics]
    assert len(explorations) >= 12
    assert all(2 * sum(cell.needed for cell in case.cells) <= len(case.cells) for case in explorations)
