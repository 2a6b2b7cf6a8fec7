"""Parameters and runs in Python: variables of Python's own types, other values, and a process that dies."""

import json

import pytest
from face import IPython

from artifact import Project

RIDES = "ride,zone,pickup,fare\n1,1,2026-03-01T08:00:00Z,12.5\n2,2,2026-03-01T08:10:00Z,7.25\n3,1,2026-03-01T08:20:00Z,9.75\n"
CELLS = [
    "%feature source rides rides.csv --event-time pickup",
    "%promote param least=8 share=0.5 day=2026-01-31 full=true zone:text=007",
    "%feature sql SELECT zone, fare FROM rides WHERE fare >= $least ORDER BY ride -> dear",
    "import os\n\nflag = os.path.join(os.sep, *PARTS)\nif os.path.exists(flag):\n    os.remove(flag)\n    os._exit(9)",
    "import polars as pl\n\ntotal = {'sum': pl.DataFrame(dear)['fare'].sum() * share, 'month': day.month, 'full': full, 'zone': zone, 'least': type(least).__name__}\nprint(total)",
]


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    project = Project(tmp_path_factory.mktemp("run"))
    project.write("rides.csv", RIDES)
    environment = {"JPY_SESSION_NAME": str(project.directory / "rides.ipynb"), "PYTHONHASHSEED": "0", "TZ": "UTC"}
    # In parts, so that its name does not stand in the cell: it would be an input of the pipeline.
    flag = tmp_path_factory.mktemp("flag") / "die"
    cells = [cell.replace("PARTS", repr(flag.parts[1:])) for cell in CELLS]
    # What makes the process die stands in the cell of the total: a slice would not hold it otherwise.
    cells[3:] = ["\n".join(cells[3:])]
    with IPython(project.directory, environment) as kernel:
        kernel.run("%lab init").ok()
        for cell in cells:
            kernel.run(cell).ok()
        shown = kernel.run("total, day")
        assert "datetime.date(2026, 1, 31)" in shown.text(), shown.text()
        kernel.run("%promote publish total --target total").ok()
        kernel.run("%promote publish dear --target dear").ok()
        kernel.run("%promote run dear --param least=0 -> every").ok()
        assert "3" in kernel.run("len(every)").text()
    return project, flag


def run(project, *words):
    return project("promote", "run", *words, "--format", "json", seconds=300)


def value(project, report) -> dict:
    record = report.json()
    return json.loads((project.directory / ".kernwerk" / "runs" / record["id"] / record["result"]["file"]).read_text())


def test_values_are_of_pythons_types_and_a_run_gives_others(project):
    project, _ = project
    default = run(project, "total")
    text = json.dumps(value(project, default))
    assert "11.125" in text and '"int"' in text and '"007"' in text, text
    replay = project("promote", "replay", "total@1", seconds=300)
    replay.ok()
    other = run(project, "total", "--param", "day=2026-05-01", "--param", "share=2")
    steps = [step["status"] for step in other.json()["steps"]]
    # The query does not read them: its table is bound again, as a frame of Python.
    assert steps == ["cached", "ran", "cached", "ran"], other.json()["steps"]
    assert "44.5" in json.dumps(value(project, other))


def test_a_process_that_dies_is_tried_again(project):
    project, flag = project
    flag.write_text("die")
    failed = run(project, "total", "--param", "share=3")
    assert failed.code == 1 and "the process ended in cell 4" in failed.stderr, failed
    flag.write_text("die")
    report = run(project, "total", "--param", "share=3", "--retries", "1")
    record = report.json()
    assert record["status"] == "succeeded" and record["attempts"] == 2, record
    assert "tried again" in report.stderr and not flag.exists()
    assert [step["status"] for step in record["steps"]] == ["cached", "ran", "cached", "ran"], record["steps"]
