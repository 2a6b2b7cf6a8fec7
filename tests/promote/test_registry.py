"""kill −9 at random moments of publishing, staging and rolling back: whatever was there stays there, whole, and the next command goes on."""

import os
import random
import signal
import time

import pytest

from artifact import Project
from house import Kernel

RIDES = "ride,zone,pickup,fare\n1,1,2026-03-01T08:00:00Z,12.5\n2,2,2026-03-01T08:10:00Z,7.25\n3,1,2026-03-01T08:20:00Z,9.75\n"
NOTEBOOK = "rides.ipynb"
KILLS = 50 if os.environ.get("KERNWERK_TORTURE") else 12


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A lab with two versions of an artifact, of which the second is in production, and the record of a notebook that gives both."""
    project = Project(tmp_path_factory.mktemp("registry"))
    project.write("rides.csv", RIDES)
    environment = {"JPY_SESSION_NAME": str(project.directory / NOTEBOOK)}
    with Kernel(project.directory, environment) as kernel:
        kernel.run("%lab init").ok()
        kernel.run("%feature source rides rides.csv --event-time pickup").ok()
        for name, word in [("low", "min"), ("high", "max")]:
            kernel.run(f"%feature sql SELECT zone, {word}(fare) AS fare FROM rides GROUP BY zone ORDER BY zone -> {name}").ok()
    for version, target in [(1, "low"), (2, "high")]:
        publish(project, target).ok()
        project("promote", "stage", f"fares@{version}", "production", "--by", "ada").ok()
    return project


def publish(project, target):
    return project("promote", "publish", "fares", "--target", target, "--notebook", NOTEBOOK)


def files(project) -> dict:
    """All files of the artifact: versions and history."""
    root = project.directory / "pipelines"
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def versions(project) -> list:
    listed = project("promote", "list", "--format", "json").json()
    return [int(row["artifact"].split("@")[1]) for row in listed]


def commands(project, moments) -> list:
    """Something to kill: a publication that makes a new version, a stage that moves, or a way back."""
    latest = versions(project)
    publication = ["publish", "fares", "--target", moments.choice(["low", "high"]), "--notebook", NOTEBOOK]
    staging = ["stage", f"fares@{moments.choice(latest)}", moments.choice(["production", "staging"]), "--by", "ada"]
    return ["promote", *moments.choice([publication, staging, ["rollback", "fares", "--by", "grace"]])]


def whole_seconds(project, command) -> float:
    begun = time.monotonic()
    project(*command)
    return time.monotonic() - begun


def test_kills_lose_nothing_and_leave_nothing_half(project):
    moments = random.Random(7)
    long = {
        "publish": whole_seconds(project, ["promote", "publish", "fares", "--target", "low", "--notebook", NOTEBOOK]),
        "stage": whole_seconds(project, ["promote", "stage", "fares@1", "staging", "--by", "ada"]),
        "rollback": whole_seconds(project, ["promote", "rollback", "fares", "--by", "grace"]),
    }
    cut_off = 0
    for _ in range(KILLS):
        before = files(project)
        command = commands(project, moments)
        process = project.start(*command)
        time.sleep(moments.uniform(0.02, 1.1) * long[command[1]])
        cut_off += process.poll() is None
        process.send_signal(signal.SIGKILL)
        process.communicate()

        after = files(project)
        lost = {name for name in before if after.get(name) != before[name]}
        assert not lost, (command, lost)
        project("promote", "history", "fares").ok()
        for version in versions(project):
            project("promote", "verify", f"fares@{version}").ok()
        project("promote", "show", "fares@production").ok()
    assert cut_off >= KILLS / 3, f"only {cut_off} of {KILLS} commands were at work when they were killed"

    publish(project, "low").ok()
    publish(project, "high").ok()
    project("promote", "stage", "fares", "canary", "--by", "ada").ok()
    project("lab", "doctor").ok()
    left = [str(path) for path in project.directory.rglob("*") if ".draft-" in path.name or path.name.endswith(".new")]
    assert not left, left
    left = [path for path in (project.directory / ".kernwerk" / "tmp").rglob("*") if path.is_file()]
    assert not left, left


def test_every_mistake_is_told(project):
    project("promote", "stage", "fares@1", "latest").failed("cannot be the name of a stage")
    project("promote", "stage", "fares@99", "staging").failed("has no version 99")
    project("promote", "stage", "fares@nobody", "staging").failed("no version of artifact `fares` is called `nobody`")
    project("promote", "rollback", "fares", "--stage", "nowhere").failed("is called `nowhere`")
    project("promote", "history", "fare").failed("fares")
    (event, *_) = sorted((project.directory / "pipelines/fares/history").iterdir())
    text = event.read_bytes()
    event.write_bytes(text.replace(b"ada", b"eve"))
    broken = project("promote", "history", "fares")
    assert broken.code != 0 and f"changed: history/{event.name}" in broken.stdout + broken.stderr, broken
    project("promote", "replay", "fares@production").failed("not whole", "version control")
    event.write_bytes(text)
    project("promote", "replay", "fares@production").ok()
