"""Random notebooks are published, and run with other values of their parameter: they give what all of their cells would. With KERNWERK_TORTURE=1 many of them."""

import json
import os
import subprocess
import sys

import pytest
from face import IPython
from random_notebooks import notebook

from artifact import Project

SEEDS = range(60 if os.environ.get("KERNWERK_TORTURE") else 3)


def all_cells(directory, cells: list[str], n: int):
    """What a plain Python makes of all the cells; none where one of them fails."""
    directory.mkdir()
    code = "\n".join([f"n = {n}", *cells, "import json\nprint(json.dumps(target))"])
    made = subprocess.run([sys.executable, "-c", code], cwd=directory, capture_output=True, text=True)
    return json.loads(made.stdout.splitlines()[-1]) if made.returncode == 0 else None


def plain(value):
    """A value without the marks of Python's types, as JSON has it."""
    match value:
        case dict() if len(value) == 1 and next(iter(value)).startswith("!"):
            return plain(next(iter(value.values())))
        case dict():
            return {str(key): plain(held) for key, held in value.items()}
        case list():
            return [plain(held) for held in value]
    return value


@pytest.mark.parametrize("seed", SEEDS)
def test_a_run_gives_what_all_cells_would(seed, tmp_path):
    cells = notebook(seed)
    if all_cells(tmp_path / "recorded", cells, 1) is None:
        pytest.skip("its cells do not run one behind the other")
    (tmp_path / "project").mkdir()
    project = Project(tmp_path / "project")
    environment = {"JPY_SESSION_NAME": str(project.directory / "random.ipynb"), "PYTHONHASHSEED": "0", "TZ": "UTC"}
    with IPython(project.directory, environment) as kernel:
        for cell in ["%lab init", "%promote param n=1", *cells]:
            kernel.run(cell).ok()
        words = kernel.run("%promote publish random --target target")
        words.ok()
    story = "\n# ---\n".join(cells)
    for n in (3, 2):
        expected = all_cells(tmp_path / f"with {n}", cells, n)
        report = project("promote", "run", "random", "--param", f"n={n}", "--format", "json", seconds=300)
        if "not among the parameters: `n`" in words.text():
            assert report.code == 2 and expected == all_cells(tmp_path / f"once more {n}", cells, 1), story
        elif expected is None:
            assert report.code == 1, story
        else:
            report.ok()
            record = report.json()
            given = json.loads((project.directory / ".kernwerk" / "runs" / record["id"] / record["result"]["file"]).read_text())
            assert plain(given) == plain(expected), f"n={n}\n{story}"
