"""Notebooks of Python in `corpus/`: the slice of each holds the cells that its target needs, and what is published of it replays. It holds no others, but in
those of the topic `files`.

They are written as those of `tests/promote/corpus`. Each has a kernel of its own.
"""

import os
import time
from pathlib import Path

import pytest
from face import IPython

from artifact import Project, agreements
from corpus import assert_slice, read

CASES = [read(path) for path in sorted((Path(__file__).parent / "corpus").glob("*.nb.txt"))]
# Older than any cell: a file of about the time at which a cell ran may have been written by it.
LONG_AGO = 1_700_000_000
# Seconds between cells.
PAUSE = 0.08


def executed(case, directory, then):
    """Runs a notebook; gives what `then` makes of the project, the cells by their numbers, what the plan says of each, and the kernel."""
    project = Project(directory)
    for name, content in case.files.items():
        os.utime(project.write(name, content), (LONG_AGO, LONG_AGO))
    project("lab", "init").ok()
    ran = {}
    notebook = f"{case.name}.ipynb"
    with IPython(directory, {"JPY_SESSION_NAME": str(directory / notebook), "PYTHONHASHSEED": "0", "TZ": "UTC"}) as kernel:
        for cell in case.cells:
            # Nobody is faster, and no clock of a file system is so far off.
            time.sleep(PAUSE if case.files else 0)
            reply = kernel.run(cell.text)
            assert reply.status == ("error" if cell.end else "ok"), f"{cell.text}\n{reply.text()}"
            ran[reply.content["execution_count"]] = cell
        plan = project("promote", "plan", case.name, "--target", case.target, "--notebook", notebook, "--format", "json").json()
        return then(project, ran, {row["cell"]: (row["decision"] == "kept", row["why"]) for row in plan}, kernel)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_slice_of_python_is_what_the_target_needs(case, tmp_path):
    project, published = executed(case, tmp_path, lambda *found: sliced_and_published(case, *found))
    verdict, *words = case.publish
    if verdict == "refused":
        published.failed(*words)
        return
    published.ok()
    replay = project("promote", "replay", case.name, "--format", "json")
    assert replay.code == 0, replay.stdout + replay.stderr
    assert set(agreements(replay)) <= {"identical", "shows nothing to compare"}, replay.stdout


def sliced_and_published(case, project, ran, plan, kernel):
    if "files" in case.topics:
        # Where one asks what lies in a directory, all cells before it stay that write files, whatever they write.
        plan = {number: plan[number] for number, cell in ran.items() if cell.needed}
    assert_slice(case, ran, plan)
    return project, kernel.run(f"%promote publish {case.name} --target {case.target}")


def test_the_notebooks_of_python_are_explorations_as_people_leave_them():
    assert len(CASES) >= 10
    cells = [cell for case in CASES for cell in case.cells]
    assert 2 * sum(cell.needed for cell in cells) <= len(cells)
