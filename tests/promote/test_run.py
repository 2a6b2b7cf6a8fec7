"""A published pipeline run again and again: with other values and inputs, taken from what was kept, cut off and gone on with."""

import json
import os
import random
import signal
import time
import uuid
from pathlib import Path

import pyarrow.parquet
import pytest

import openlineage_events
from artifact import Project
from house import Kernel

RIDES = "ride,zone,pickup,fare\n1,1,2026-03-01T08:00:00Z,12.5\n2,2,2026-03-01T08:10:00Z,7.25\n3,1,2026-03-01T08:20:00Z,9.75\n"
ZONES = "zone,name\n1,Harbour\n2,Station\n"
NOTEBOOK = "rides.ipynb"
KILLS = 50 if os.environ.get("KERNWERK_TORTURE") else 8
# The rides of a day, joined with a table from before; the share is no part of the query.
CELLS = [
    "%feature source rides rides.csv --event-time pickup",
    "%promote param least=8 share=0.5 label=plain",
    "%feature sql SELECT name, sum(fare) AS fare FROM rides JOIN zones USING (zone) WHERE fare >= $least GROUP BY name ORDER BY name -> fares",
    'let total: f64 = fares.numbers("fare")?.into_iter().flatten().sum::<f64>() * share;\nprintln!("{label} {total:.3}");',
]


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A lab with two artifacts of one notebook: `fares`, made of magics alone, and `total`, which needs Rust."""
    project = Project(tmp_path_factory.mktemp("run"))
    project.write("rides.csv", RIDES)
    project.write("zones.csv", ZONES)
    with Kernel(project.directory, {"JPY_SESSION_NAME": str(project.directory / NOTEBOOK)}) as kernel:
        kernel.run("%lab init").ok()
    project("feature", "source", "zones", "zones.csv").ok()
    with Kernel(project.directory, {"JPY_SESSION_NAME": str(project.directory / NOTEBOOK)}) as kernel:
        for cell in CELLS:
            kernel.run(cell).ok()
        kernel.run("%promote publish fares --target fares").ok()
        kernel.run("%promote publish total --target 4").ok()
    project("promote", "stage", "fares@1", "production", "--by", "ada").ok()
    return project


def run(project, artifact, *words):
    return project("promote", "run", artifact, *words, "--format", "json", seconds=300)


def statuses(report) -> list:
    return [step["status"] for step in report.json()["steps"]]


def result(project, report) -> str:
    record = report.json()
    return (project.directory / ".kernwerk" / "runs" / record["id"] / record["result"]["file"]).read_text()


def records(project, name) -> list:
    return project("promote", "runs", name, "--format", "json").json()


def test_other_values_give_other_results_and_what_is_kept_does_not_run(project):
    first = run(project, "total")
    assert result(project, first) == "plain 11.125\n"
    again = run(project, "total")
    assert statuses(again) == ["cached"] * 4 and result(project, again) == "plain 11.125\n"
    assert "nothing had to run" in again.stderr
    # The query does not read the share: its table is bound again, and its source is not read.
    half = run(project, "total", "--param", "share=0.25")
    assert statuses(half) == ["cached", "ran", "cached", "ran"], half.json()["steps"]
    assert result(project, half) == "plain 5.562\n"
    # With the query, all that it needs runs.
    dear = run(project, "fares", "--param", "least=10")
    assert statuses(dear) == ["ran"] * 3, dear.json()["steps"]


def test_a_result_goes_into_a_file_of_any_form(project):
    for name in ("fares.csv", "fares.json", "fares.parquet", "fares.arrow"):
        run(project, "fares@production", "--output", name).ok()
    assert (project.directory / "fares.csv").read_text() == "name,fare\nHarbour,22.25\n"
    assert json.loads((project.directory / "fares.json").read_text()) == [{"name": "Harbour", "fare": 22.25}]
    assert pyarrow.parquet.read_table(project.directory / "fares.parquet").to_pylist() == [{"name": "Harbour", "fare": 22.25}]
    assert pyarrow.ipc.open_file(project.directory / "fares.arrow").read_all().num_rows == 1


def test_inputs_are_read_as_they_are_now(project):
    run(project, "fares").ok()
    version = run(project, "fares").json()["inputs"]
    assert [one["version"] for one in version if one["name"] == "zones"] == [1]
    project.write("zones.csv", ZONES.replace("Harbour", "Haven"))
    project("feature", "source", "zones", "zones.csv").ok()
    project.write("rides.csv", RIDES + "4,2,2026-03-01T09:00:00Z,40\n")
    tables = project("feature", "list", "--format", "json").json()
    report = run(project, "fares", "--output", "now.csv")
    assert statuses(report) == ["ran"] * 3, report.stdout
    assert (project.directory / "now.csv").read_text() == "name,fare\nHaven,22.25\nStation,40.0\n"
    # The lab's own tables are as they were: a run works in a lab of its own.
    assert project("feature", "list", "--format", "json").json() == tables
    replay = project("promote", "replay", "fares@1")
    assert replay.code == 1 and "changed: file `rides.csv`" in replay.stdout
    project.write("rides.csv", RIDES)
    project.write("zones.csv", ZONES)
    project("feature", "source", "zones", "zones.csv").ok()


def test_what_does_not_fit_is_refused_before_anything_runs(project):
    before = len(records(project, "fares"))
    project("promote", "run", "fares", "--param", "lest=1").failed("no parameter `lest`", "did you mean `least`")
    project("promote", "run", "fares", "--param", "least=cheap").failed("is of type integer", "`cheap`", "a whole number")
    project("promote", "run", "fares", "--param", "least").failed("gives no parameter a value")
    secret = "ghp_" + "a1B2c3D4e5" * 3 + "f6G7h8"
    assert secret not in project("promote", "run", "total", "--param", f"label={secret}").failed("the value of parameter `label` holds a secret")
    project("promote", "run", "fare").failed("no artifact is called `fare`", "fares")
    project("promote", "runs", "fare").failed("no artifact is called `fare`")
    cell = project.directory / "pipelines/fares/1/cells/03.rs"
    text = cell.read_text()
    cell.write_text(text.replace("sum(fare)", "max(fare)"))
    refused = project("promote", "run", "fares")
    cell.write_text(text)
    assert refused.code == 1 and "changed: cells/03.rs (the text of cell 3)" in refused.stdout, refused
    assert len(records(project, "fares")) == before


def test_events_are_those_of_the_standard(project):
    collected = project.directory / "events.jsonl"
    report = run(project, "fares", "--fresh", "--param", "least=9", "--lineage", "events.jsonl")
    directory = project.directory / ".kernwerk" / "runs" / report.json()["id"]
    text = (directory / "lineage.jsonl").read_text()
    assert collected.read_text() == text
    start, complete = [json.loads(line) for line in text.splitlines()]
    for event in (start, complete):
        openlineage_events.check(event)
    assert (start["eventType"], complete["eventType"]) == ("START", "COMPLETE")
    assert start["run"]["runId"] == complete["run"]["runId"] == report.json()["id"]
    inputs = {one["name"]: one["facets"] for one in complete["inputs"]}
    assert {"tables/zones", str(project.directory / "rides.csv")} == set(inputs)
    assert [field["name"] for field in inputs["tables/zones"]["schema"]["fields"]] == ["zone", "name"]
    (output,) = complete["outputs"]
    assert Path(output["name"]).is_file() and [field["name"] for field in output["facets"]["schema"]["fields"]] == ["name", "fare"]


def test_wrong_events_are_seen(project):
    report = run(project, "fares")
    text = (project.directory / ".kernwerk" / "runs" / report.json()["id"] / "lineage.jsonl").read_text()
    good = text.splitlines()[0]
    for right, wrong in [
        ('"eventType":"START"', '"eventType":"BEGIN"'),
        ('"runId":"', '"runId":"x'),
        ('"processingType":"BATCH"', '"processingType":7'),
        ('"integration":', '"integrated":'),
        ("2-0-4/JobTypeJobFacet", "9-9-9/JobTypeJobFacet"),
        ('"namespace":"file"', '"namespaces":"file"'),
    ]:
        assert right in good, right
        with pytest.raises((AssertionError, KeyError, TypeError, ValueError)):
            openlineage_events.check(json.loads(good.replace(right, wrong)))


def test_two_runs_at_once_are_two_runs(project):
    processes = [project.start("promote", "run", "fares", "--fresh", "--param", "least=1") for _ in range(2)]
    assert all(process.wait(timeout=120) == 0 for process in processes), [process.stderr.read() for process in processes]
    assert [one["status"] for one in records(project, "fares")[-2:]] == ["succeeded"] * 2


def assert_sound(project, name):
    """Every record can be read and says how its run ended; only of a run that was cut off it may say that it goes on."""
    for record in records(project, name):
        directory = project.directory / ".kernwerk" / "runs" / record["id"]
        assert uuid.UUID(record["id"]).version == 7 and len(record["steps"]) == len(list(project.directory.glob(f"pipelines/{name}/1/cells/*")))
        events = [json.loads(line)["eventType"] for line in (directory / "lineage.jsonl").read_text().splitlines()] if (directory / "lineage.jsonl").exists() else []
        ends = [event for event in events if event in ("COMPLETE", "FAIL", "ABORT")]
        assert len(ends) <= 1 and (not ends or events[-1] == ends[0]), events
        if record["status"] == "succeeded":
            assert ends == ["COMPLETE"] and (directory / record["result"]["file"]).is_file() and record["ended_at"]
        elif record["status"] != "running":
            assert len(ends) == 1, (record["status"], events)


def test_a_killed_run_goes_on(project):
    """kill −9 at random moments: what was kept stays, each record is whole, and the next run comes to the right end."""
    moments = random.Random(11)
    begun = time.monotonic()
    run(project, "fares", "--fresh").ok()
    long = time.monotonic() - begun
    cut_off = went_on = 0
    for number in range(KILLS):
        # A value that nobody ran yet, so that there is something to do.
        least = f"least={-1 - number}"
        process = project.start("promote", "run", "fares", "--param", least)
        time.sleep(moments.uniform(0.1, 1.0) * long)
        cut_off += process.poll() is None
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert_sound(project, "fares")

        report = run(project, "fares", "--param", least, "--output", "killed.csv")
        report.ok()
        went_on += "goes on with run" in report.stderr
        assert (project.directory / "killed.csv").read_text() == "name,fare\nHarbour,22.25\nStation,7.25\n"
        assert_sound(project, "fares")
        assert all(record["status"] != "running" for record in records(project, "fares"))
    assert cut_off >= KILLS / 3, f"only {cut_off} of {KILLS} runs were at work when they were killed"
    assert went_on >= 1, "no run was cut off between its first record and its end"
    project("lab", "doctor").ok()
    left = [str(path) for path in (project.directory / ".kernwerk" / "tmp").rglob("*") if path.is_file()]
    assert not left, left
