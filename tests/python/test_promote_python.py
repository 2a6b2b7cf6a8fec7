"""A pipeline of magics and Python, published once from a real IPython kernel: untouched it replays anywhere; whatever is planted is found and named."""

import json
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from face import IPython

from artifact import Project, agreements, assert_differs, assert_not_run

RIDES = """ride,zone,pickup,fare
1,1,2026-03-01T08:00:00Z,12.5
2,2,2026-03-01T08:10:00Z,7.25
3,1,2026-03-01T08:20:00Z,9.75
4,3,2026-03-01T08:30:00Z,31
5,2,2026-03-01T08:40:00Z,8
"""
ZONES = "zone,name\n1,Harbour\n2,Station\n3,Airport\n"
HELPERS = "def upper(text):\n    return text.upper()\n"
DISTANCES = "zone,kilometres\n1,4.5\n2,3\n3,17.25\n"

# What the artifact must hold, in order. The table `zones` is from before; `distances.csv` and `helpers.py` lie about.
SLICE = {
    "imports": "import warnings\nfrom datetime import datetime\n\nimport polars as pl\nimport tinyscale\nfrom helpers import upper",
    "rides": "%feature source rides ../data/rides.csv --event-time pickup --key ride",
    "fares": '%feature sql "SELECT zone, name, avg(fare) AS fare FROM rides JOIN zones USING (zone) GROUP BY zone, name ORDER BY name" -> fares',
    "rounded": 'def rounded(fare):\n    """Without cents."""\n    return round(fare * tinyscale.SCALE)',
    "frame": "frame = pl.DataFrame(fares).join(pl.read_csv('distances.csv'), on='zone', maintain_order='left')\nframe",
    "lines": """lines = [(upper(row["name"]), rounded(row["fare"])) for row in frame.iter_rows(named=True)]
print(lines, {name for name, _ in lines}, datetime.fromtimestamp(0))
warnings.warn("somebody should look at this")""",
    "chart": """from IPython.display import SVG, display

bars = "".join(f'<rect width="9" height="{fare}" x="{10 * place}"/>' for place, (_, fare) in enumerate(lines))
display(SVG(f'<svg xmlns="http://www.w3.org/2000/svg">{bars}</svg>'))""",
    "summary": "summary = {name: fare / frame['kilometres'].sum() for name, fare in lines}\nsummary['total'] = (sum(fare for _, fare in lines), None)\nsummary['drawn'] = bars.count('rect')",
}
STEPS = list(SLICE)
# Cells that lead nowhere, each in front of the one that it is named after.
BESIDE = {"rides": "idle = [7]", "lines": "idle.append(frame.height)\nprint(idle)", "summary": "%cost report"}
# Runs after the last cell of the target.
AFTERWARDS = "from math import *\ncount = len(summary)"


def tiny(place: Path, version: str, scale: str) -> Path:
    """A package `tiny-scale` of this version in a directory of its own."""
    place.mkdir(parents=True)
    (place / "tinyscale.py").write_text(f"SCALE = {scale}\n")
    info = place / f"tiny_scale-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: tiny_scale\nVersion: {version}\n")
    (info / "RECORD").write_text(f"tinyscale.py,,\n{info.name}/METADATA,,\n{info.name}/RECORD,,\n")
    return place


def with_packages(place: Path, **variables: str) -> dict:
    return {**os.environ, "PYTHONPATH": str(place), **variables}


@pytest.fixture(scope="module")
def packages(tmp_path_factory) -> Path:
    return tiny(tmp_path_factory.mktemp("packages") / "first", "1.0", "1.0")


@pytest.fixture(scope="module")
def published(packages, tmp_path_factory):
    """The project in which the notebook ran, and what its cells answered."""
    project = Project(tmp_path_factory.mktemp("original") / "project")
    project.write("data/rides.csv", RIDES)
    project.write("data/zones.csv", ZONES)
    project.write("notebook/helpers.py", HELPERS)
    project.write("notebook/distances.csv", DISTANCES)
    project("feature", "source", "zones", "data/zones.csv").ok()
    replies = {}
    notebook = project.directory / "notebook"
    # A notebook may show the order of a set or a local time; each run has these as they are here.
    environment = with_packages(packages, PYTHONHASHSEED="0", TZ="UTC", JPY_SESSION_NAME=str(notebook / "trip.ipynb"))
    with IPython(notebook, environment) as kernel:
        for name, code in SLICE.items():
            if name in BESIDE:
                kernel.run(BESIDE[name]).ok()
            replies[name] = kernel.run(code)
            replies[name].ok()
        kernel.run(AFTERWARDS).ok()
        replies["publish"] = kernel.run("%promote publish trip --target summary")
        replies["publish"].ok()
    return project, replies


@pytest.fixture
def checkout(published, tmp_path):
    """The project in another place, with its lab, for one test to spoil."""
    elsewhere = tmp_path / "some" / "other name"
    shutil.copytree(published[0].directory, elsewhere)
    return Project(elsewhere)


def step(name: str) -> int:
    return STEPS.index(name) + 1


def test_the_artifact_holds_exactly_the_cells_it_must(published):
    project, _ = published
    stored = sorted(project.artifact("cells").iterdir())
    assert [path.read_text() for path in stored] == [cell + "\n" for cell in SLICE.values()]
    assert {path.suffix for path in stored} == {".py"}


def test_the_packages_that_the_cells_used_are_pinned(published):
    pipeline = tomllib.loads(published[0].artifact("pipeline.toml").read_text())
    python = pipeline["python"]
    assert python["version"] == ".".join(map(str, sys.version_info[:3]))
    assert python["packages"]["tiny-scale"] == "1.0" and {"polars", "ipython"} <= set(python["packages"])
    # Neither what only the tests have nor what the cells ran in.
    assert not {"pytest", "kernwerk", "ipykernel", "pandas", "jupyterlab"} & set(python["packages"])
    files = {one["name"] for one in pipeline["inputs"] if one["resource"] == "file"}
    assert files == {"data/rides.csv", "notebook/distances.csv", "notebook/helpers.py"}


def test_a_fresh_process_showed_what_the_notebook_showed(published):
    """All that cells show is compared and identical, the picture among it; warnings are not."""
    project, replies = published
    words = replies["publish"].text()
    assert words.count("identical") == len(SLICE) - 2 and words.count("shows nothing") == 2, words
    assert "not compared" not in words, words
    (shown,) = [content["data"]["image/svg+xml"] for _, content in replies["chart"].outputs if "image/svg+xml" in content.get("data", {})]
    (stored,) = project.artifact("outputs").glob("*.svg")
    assert stored.read_text() == shown and 'height="31"' in shown
    (printed,) = project.artifact("outputs").glob("*-stdout.txt")
    assert printed.read_text().startswith("[('AIRPORT', 31), ('HARBOUR', 11), ('STATION', 8)] {'")
    assert printed.read_text().endswith("'} 1970-01-01 00:00:00\n")
    assert "somebody should look" in replies["lines"].text()
    assert not list(project.artifact("outputs").glob("*-stderr.txt"))
    (target,) = project.artifact("outputs").glob("*-summary.json")
    assert json.loads(target.read_text())["total"] == {"!tuple": [50, None]}


def test_it_replays_in_another_directory_with_another_home(checkout, packages, tmp_path):
    home = tmp_path / "someone"
    home.mkdir()
    environment = with_packages(packages, HOME=str(home), TZ="Asia/Tokyo", LC_ALL="C", PYTHONHASHSEED="77")
    report = checkout.replay("--format", "json", env=environment)
    assert report.code == 0, report.stdout + report.stderr
    assert agreements(report) == ["shows nothing to compare" if name in ("imports", "rounded") else "identical" for name in SLICE]
    assert "is sound" in checkout.verify().ok()


def test_a_checkout_alone_replays_once_it_has_its_tables(published, packages, tmp_path):
    """Without the lab's data, which are not committed: the table from before has to be there, and nothing else."""
    original = published[0].directory
    shutil.copytree(original, tmp_path / "clone", ignore=shutil.ignore_patterns(".kernwerk"))
    clone = Project(tmp_path / "clone")
    clone("lab", "init").ok()
    assert_not_run(clone.replay(env=with_packages(packages)), "missing: table `zones`")
    clone("feature", "source", "zones", "data/zones.csv").ok()
    assert "identical" in clone.replay(env=with_packages(packages)).ok()


def test_planted_results_are_found_by_running(checkout, packages):
    """In what one cell printed, in a picture, and in the target: all are told, and the first of them is named."""
    planted = {"lines": ("*-stdout.txt", "'AIRPORT', 31", "'AIRPORT', 30"), "chart": ("*.svg", 'height="11"', 'height="12"')}
    for name, (pattern, good, wrong) in planted.items():
        (reference,) = checkout.artifact("outputs").glob(f"{step(name):02}{pattern}")
        text = reference.read_text()
        assert good in text
        reference.write_text(text.replace(good, wrong))
    checkout.forge()
    report = checkout.replay(env=with_packages(packages))
    first = f"cell {step('lines')} is the first to diverge: output 1 (standard output, txt), line 1: expected"
    assert_differs(report, first, "30", "31", "(display, svg)")
    assert report.stdout.count("  different ") == 2, report.stdout
    assert "likely cause" not in report.stdout


def test_a_changed_cell_is_named_by_its_digest_and_by_what_it_does(checkout, packages):
    number = step("rounded")
    cell = checkout.artifact(f"cells/{number:02}.py")
    cell.write_text(cell.read_text().replace("round(", "int("))
    named = f"changed: cells/{number:02}.py (the text of cell {number})"
    for report in (checkout.verify(), checkout.replay(env=with_packages(packages))):
        assert_differs(report, named)
    checkout.forge()
    # The cell shows nothing itself: the first that uses it diverges.
    assert_differs(checkout.replay(env=with_packages(packages)), f"cell {step('lines')} is the first to diverge", "8", "7")


def test_a_changed_target_is_found_where_no_cell_shows_it(checkout, packages):
    cell = checkout.artifact(f"cells/{step('summary'):02}.py")
    cell.write_text(cell.read_text().replace("None)", "0)"))
    checkout.forge()
    report = checkout.replay(env=with_packages(packages))
    assert_differs(report, f"cell {step('summary')} is the first to diverge", "`summary` holds something else", "null")
    assert report.stdout.count("  different ") == 1


def test_an_extra_cell_is_named(checkout, packages):
    number = len(SLICE) + 1
    extra = checkout.artifact(f"cells/{number:02}.py")
    extra.write_text('print("what nobody published")')
    named = f"extra: cells/{number:02}.py (the text of cell {number})"
    for report in (checkout.verify(), checkout.replay(env=with_packages(packages))):
        assert_differs(report, named)
    pipeline = checkout.artifact("pipeline.toml")
    pipeline.write_text(pipeline.read_text() + f'\n[[steps]]\nstep = {number}\nfile = "cells/{number:02}.py"\nneeds = []\n')
    checkout.forge()
    assert_differs(checkout.replay(env=with_packages(packages)), f"cell {number} is the first to diverge", "what nobody published")


def test_changed_inputs_are_named(checkout, packages):
    environment = with_packages(packages)
    for file, good, wrong in [("data/rides.csv", "12.5", "12.6"), ("notebook/distances.csv", "17.25", "17"), ("notebook/helpers.py", "upper()", "lower()")]:
        path = checkout.directory / file
        text = path.read_text()
        path.write_text(text.replace(good, wrong))
        assert_differs(checkout.replay(env=environment), f"changed: file `{file}`")
        path.unlink()
        assert_not_run(checkout.replay(env=environment), f"missing: file `{file}`")
        path.write_text(text)
    shutil.rmtree(checkout.directory / ".kernwerk" / "tables" / "zones.lance")
    checkout.write("data/zones.csv", ZONES.replace("Airport", "Airfield"))
    checkout("feature", "source", "zones", "data/zones.csv").ok()
    assert_differs(checkout.replay(env=environment), "changed: table `zones` version 1")


def test_another_version_of_a_package_is_told_and_named_as_the_likely_cause(checkout, tmp_path):
    named = "package `tiny-scale` is 2.0 here, published with 1.0"
    same = checkout.replay(env=with_packages(tiny(tmp_path / "same", "2.0", "1.0")))
    assert "results are identical" in same.ok() and named in same.stdout and "likely cause" not in same.stdout
    other = checkout.replay(env=with_packages(tiny(tmp_path / "other", "2.0", "1.5")))
    assert_differs(other, f"likely cause: {named}", f"cell {step('lines')} is the first to diverge")


def test_without_a_package_nothing_runs(checkout, tmp_path):
    report = checkout.replay(env=with_packages(tmp_path))
    assert_not_run(report, "could not be replayed", "missing: package `tiny-scale` 1.0")
    assert "cell 1" not in report.stdout and "ModuleNotFoundError" not in report.stdout


def test_the_script_and_the_notebook_give_the_same(checkout, packages, tmp_path):
    """What people take along: both run from the directory of the notebook, by a Python that has the packages."""
    script = checkout.artifact("pipeline.py").read_text()
    assert '#     "tiny-scale==1.0",' in script and '#     "kernwerk[ipython]==' in script
    notebook = checkout.directory / "notebook"
    asks = tmp_path / "ask.py"
    asks.write_text(f"{script}\nimport json\nprint(json.dumps(summary))\n")
    ran = subprocess.run([sys.executable, asks], cwd=notebook, env=with_packages(f"{packages}:{notebook}"), capture_output=True, text=True, timeout=120)
    assert ran.returncode == 0, ran.stderr
    last = json.loads(ran.stdout.splitlines()[-1])
    assert last["total"] == [50, None]
    cells = json.loads(checkout.artifact("notebook.ipynb").read_text())["cells"]
    with IPython(notebook, with_packages(packages)) as kernel:
        for cell in cells:
            kernel.run("".join(cell["source"])).ok()
        assert str(last["HARBOUR"]) in kernel.run("summary").ok()


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    """A notebook of Python for small promotions."""
    with IPython(tmp_path_factory.mktemp("desk")) as kernel:
        kernel.run("%lab init").ok()
        yield kernel


def test_chance_is_refused_and_named(desk):
    desk.run("import random\nchosen = random.random()").ok()
    refused = desk.run("%promote publish chance --target chosen").failed("differs from the notebook", "`chosen` is another than in the notebook")
    assert "chance" in refused
    assert not (desk.directory / "pipelines" / "chance").exists()


def test_an_address_is_refused_in_words(desk):
    shown = desk.run("class Model:\n    pass\n\nModel()")
    desk.run(f"%promote publish address --target {shown.content['execution_count']}").failed("where something lies in memory", "show a value")


def test_what_can_be_no_target_is_said(desk):
    desk.run("class Thing:\n    pass\n\nthing = {'inner': [Thing()]}").ok()
    desk.run("%promote publish thing --target thing").failed("`thing` cannot be a target", "Thing", "a target is a frame")


def test_what_ran_before_the_extension_is_missed_in_words(tmp_path):
    with IPython(tmp_path) as kernel:
        kernel.run("%unload_ext kernwerk\nimport math").ok()
        kernel.run("%load_ext kernwerk\nhalf = 0.5").ok()
        kernel.run("root = math.sqrt(half)").ok()
        kernel.run("%promote publish root --target root").failed("NameError", "%load_ext kernwerk")


@pytest.mark.parametrize(
    "code",
    [
        "value = {'b': (1, 2.5), 'a': [True, None, 'é'], 3: {1, 2}}",
        "import numpy\nvalue = numpy.random.default_rng(7).normal(size=(3, 4))",
        "import pyarrow\nvalue = pyarrow.table({'a': [1, 2], 'b': ['x', None]})",
        "import pandas\nvalue = pandas.DataFrame({'a': [1, 2], 'b': ['x', 'y']})",
        "import datetime\nvalue = datetime.datetime(2026, 3, 1, 8, tzinfo=datetime.timezone.utc)",
        "import asyncio\n\nasync def later():\n    await asyncio.sleep(0.01)\n    return b'bytes'\n\nvalue = await later()",
    ],
)
def test_values_of_many_kinds_are_targets(desk, code):
    desk.run(code).ok()
    assert "identical" in desk.run("%promote publish value --target value").ok()
    assert "these cells and results already" in desk.run("%promote publish value --target value").ok()
    assert "all 1 results are identical" in desk.run("%promote replay value").ok()


def test_a_cell_that_fails_is_expected_to_fail_again(desk):
    desk.run("steps = [1]").ok()
    desk.run("steps.append(2)\n1 / 0").failed("ZeroDivisionError")
    desk.run("steps.append(3)\nprint(steps)").ok()
    published = desk.run("%promote publish steps --target steps").ok()
    assert "failed in the notebook and is expected to fail again" in published
    assert "results are identical" in desk.run("%promote replay steps").ok()


def test_publishing_from_a_shell_takes_the_python_beside_the_program(published, packages):
    project, _ = published
    answer = project("promote", "publish", "again", "--target", "summary", "--notebook", "notebook/trip.ipynb", env=with_packages(packages), seconds=300).ok()
    assert "again@1 is published" in answer
    first, second = (tomllib.loads((project.directory / "pipelines" / name / "1" / "pipeline.toml").read_text()) for name in ("trip", "again"))
    assert first["steps"] == second["steps"] and first["python"] == second["python"]


def test_a_run_that_dies_is_told(desk):
    desk.run("import os, sys\nalive = 2 if 'ipykernel' in sys.modules else os._exit(7)").ok()
    desk.run("%promote publish alive --target alive").failed("proof run failed", "exit status: 7")
