"""What Python users get of a pipeline: results as they are, parameters of a script, and words for what a proof did not find again."""

import json
import os
import re
import subprocess
import sys

import pytest
from face import IPython

from artifact import Project

RIDES = "ride,zone,pickup,fare\n1,1,2026-03-01T08:00:00Z,12.5\n2,2,2026-03-01T08:10:00Z,7.25\n"
CELLS = [
    "%feature source rides rides.csv --event-time pickup",
    "%promote param least=8 share:float=2 day=2026-01-31 zone:text=007",
    "%feature sql SELECT zone, fare FROM rides WHERE fare >= $least ORDER BY ride -> dear",
    "import numpy\n\ntext = 'caf\\u00e9\\nand more'\npair = (1, {2, 3}, float('nan'), 10**30)\ngrid = numpy.arange(6.0).reshape(2, 3)\nmean = numpy.float64(0.1)",
    "import polars as pl\n\ntotal = {'sum': pl.DataFrame(dear)['fare'].sum() * share, 'day': day, 'zone': zone}\nprint(total['sum'], day.year)",
    "import time\n\nwords = ['same', str(time.time_ns())]",
    "import random\n\nprint('first')\nprint(random.random())",
]
TARGETS = ["text", "pair", "grid", "mean", "total"]


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    project = Project(tmp_path_factory.mktemp("results"))
    project.write("rides.csv", RIDES)
    environment = {"JPY_SESSION_NAME": str(project.directory / "rides.ipynb"), "PYTHONHASHSEED": "0", "TZ": "UTC"}
    with IPython(project.directory, environment) as kernel:
        kernel.run("%lab init").ok()
        kernel.run("%promote param print=3").failed("`print`", "Python", "choose another name")
        for cell in CELLS:
            kernel.run(cell).ok()
        for target in TARGETS:
            kernel.run(f"%promote publish {target} --target {target}").ok()
        for cell in ["%promote param least=9", "%feature sql SELECT count(*) AS n FROM rides WHERE fare >= $least -> few", "both = pl.DataFrame(few)['n'].sum() + total['sum']"]:
            kernel.run(cell).ok()
        twice = kernel.run("%promote publish both --target both")
        twice.failed("parameter `least` is declared by In[5] and by In[", "another name")
        assert "proof run" not in twice.text(), "it is said before anything runs"
        project.refused = [kernel.run(f"%promote publish x --target {target}").text() for target in ("words", "10")]
    return project


def run(project, artifact, file):
    report = project("promote", "run", artifact, "--output", file, seconds=120)
    return report.ok(), (project.directory / file).read_bytes()


def test_a_refused_publication_says_what_differs_and_why(project):
    value, shown = project.refused
    assert re.search(r'`words` is another than in the notebook: line 3: expected ` *"\d+"`, found ` *"\d+"`', value), value
    assert "a likely cause: In[9] has to do with `time`, which is the clock" in value, value
    assert "output 1 (standard output, txt) is another than in the notebook: line 2: expected `0." in shown, shown
    assert "`random`, which is chance: begin from a seed" in shown, shown


@pytest.mark.parametrize(
    "artifact, file, content",
    [
        ("text", "text.txt", "café\nand more"),
        ("text", "text", "café\nand more"),
        ("text", "text.json", '"café\\nand more"\n'),
        ("pair", "pair.json", "[\n  1,\n  [2, 3],\n  null,\n  1000000000000000000000000000000\n]\n"),
        ("mean", "mean.txt", "0.1\n"),
        ("grid", "grid.json", "[\n  [0.0, 1.0, 2.0],\n  [3.0, 4.0, 5.0]\n]\n"),
        ("total", "total.json", '{\n  "day": "2026-01-31",\n  "sum": 25.0,\n  "zone": "007"\n}\n'),
    ],
)
def test_a_result_is_what_it_is(project, artifact, file, content):
    """Of one cell, too, whose values several artifacts ask for: what an earlier run kept of it is not taken for another's result."""
    report, found = run(project, artifact, file)
    assert found.decode() == content and "!" not in found.decode()
    first = content.splitlines()[0].strip('"')
    assert "its result:" in report and (first in report or artifact in ("text", "grid")), report


def test_an_array_is_a_file_of_numpy(project):
    import numpy

    report, _ = run(project, "grid", "grid.npy")
    assert numpy.load(project.directory / "grid.npy").tolist() == [[0, 1, 2], [3, 4, 5]], report
    for file, words in [("grid.csv", "an array"), ("text.parquet", "text"), ("pair.csv", "a value")]:
        project("promote", "run", file.split(".")[0], "--output", file).failed(words, "cannot be written")


def test_a_script_takes_the_parameters_as_arguments(project):
    project("promote", "export", "total", "--to", "script", "--output", "total.py").ok()

    def script(*words):
        return subprocess.run([sys.executable, "total.py", *words], cwd=project.directory, env=dict(os.environ), capture_output=True, text=True, timeout=120)

    ran = script("--help")
    assert ran.returncode == 0 and "share=2.0  (float)" in ran.stdout and "zone=007  (text)" in ran.stdout, ran
    ran = script()
    assert ran.returncode == 0 and ran.stdout.splitlines()[-1] == "25.0 2026", ran
    ran = script("share=0.5", "least=7", "day=1999-12-31")
    assert ran.returncode == 0 and ran.stdout.splitlines()[-1] == "9.875 1999", ran
    for words, wrong in [(["share=half"], "of type float"), (["lest=1"], "gives no parameter a value"), (["day=2026-02-30"], "of type date")]:
        ran = script(*words)
        assert ran.returncode == 2 and wrong in ran.stderr and "25.0" not in ran.stdout, ran


def test_results_in_the_directory_of_a_run_are_for_people(project):
    report = project("promote", "run", "pair", "--format", "json", seconds=120).json()
    place = project.directory / ".kernwerk" / "runs" / report["id"] / report["result"]["file"]
    assert place.name == "result.json" and json.loads(place.read_text()) == [1, [2, 3], None, 10**30]
