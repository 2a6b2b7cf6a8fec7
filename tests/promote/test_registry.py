"""kill −9 at random moments of publishing, staging, rolling back and pruning: what was there stays there, whole, or is told to have been removed, and
the next command goes on."""

import json
import os
import random
import shutil
import signal
import time

import pytest

from artifact import Project
from house import Kernel

RIDES = "ride,zone,pickup,fare\n1,1,2026-03-01T08:00:00Z,12.5\n2,2,2026-03-01T08:10:00Z,7.25\n3,1,2026-03-01T08:20:00Z,9.75\n"
NOTEBOOK = "rides.ipynb"
PRUNE = ["promote", "prune", "fares", "--keep-versions", "2", "--keep-rollbacks", "1", "--apply", "--by", "grace"]
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


def removed(project) -> set:
    """The versions that the history says were removed."""
    events = json.loads(project("promote", "history", "fares", "--format", "json").ok())
    return {event["version"] for event in events if event["action"] == "prune"}


def commands(project, moments) -> list:
    """Something to kill: a publication that makes a new version, a stage that moves, a way back, or a removal."""
    latest = sorted(set(versions(project)) - removed(project))
    publication = ["publish", "fares", "--target", moments.choice(["low", "high"]), "--notebook", NOTEBOOK]
    staging = ["stage", f"fares@{moments.choice(latest)}", moments.choice(["production", "staging"]), "--by", "ada"]
    return moments.choice([["promote", *publication], ["promote", *staging], ["promote", "rollback", "fares", "--by", "grace"], PRUNE])


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
        "prune": whole_seconds(project, PRUNE),
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
        project("promote", "history", "fares").ok()
        gone = removed(project)
        lost = {name for name in before if after.get(name) != before[name]}
        of_removed = {name for name in lost if name not in after and name.split("/")[1].isdigit() and int(name.split("/")[1]) in gone}
        assert lost == of_removed, (command, lost)
        here = {int(name.split("/")[1]) for name in after if name.split("/")[1].isdigit()}
        for version in here:
            # A version is there whole, or not at all.
            files_of = [name for name in before if name.startswith(f"fares/{version}/")]
            assert all(name in after for name in files_of), (command, version)
        for version in sorted(here - gone):
            project("promote", "verify", f"fares@{version}").ok()
        for version in sorted(gone)[-2:]:
            project("promote", "verify", f"fares@{version}").failed(f"fares@{version} was removed at", "by grace")
        project("promote", "show", "fares@production").ok()
    assert cut_off >= KILLS / 3, f"only {cut_off} of {KILLS} commands were at work when they were killed"

    publish(project, "low").ok()
    publish(project, "high").ok()
    project("promote", "stage", "fares", "canary", "--by", "ada").ok()
    project(*PRUNE).ok()
    assert not directories(project) & removed(project), "the next pruning takes away what a killed one left"
    project("lab", "doctor").ok()
    left = [str(path) for path in project.directory.rglob("*") if path.name.startswith((".draft-", ".removed-")) or path.name.endswith(".new")]
    assert not left, left
    left = [path for path in (project.directory / ".kernwerk" / "tmp").rglob("*") if path.is_file()]
    assert not left, left


def directories(project) -> set:
    """The versions whose files are there."""
    return {int(path.name) for path in (project.directory / "pipelines/fares").iterdir() if path.name.isdigit()}


def more_versions(project, wanted):
    """Adds versions that are like the latest until so many are there: what a version is called does not stand in it."""
    home = project.directory / "pipelines" / "fares"
    present = directories(project) - removed(project)
    first = max(directories(project) | removed(project)) + 1
    for version in range(first, first + wanted - len(present)):
        shutil.copytree(home / str(max(present)), home / str(version))


def test_a_killed_pruning_takes_no_version_away_untold(project):
    moments = random.Random(11)
    events = project.directory / "pipelines/fares/history"
    halfway = 0
    for _ in range(KILLS):
        more_versions(project, 14)
        before, known, told = files(project), removed(project), len(list(events.iterdir()))
        process = project.start(*PRUNE)
        deadline = time.monotonic() + 60
        while process.poll() is None and len(list(events.iterdir())) == told and time.monotonic() < deadline:
            time.sleep(0.001)
        time.sleep(moments.uniform(0, 0.03))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        after, gone = files(project), removed(project)
        for version in {int(name.split("/")[1]) for name in before if name.split("/")[1].isdigit()}:
            whole = {name for name in before if name.startswith(f"fares/{version}/")}
            assert whole <= set(after) or (not whole & set(after) and version in gone), version
        assert all(after.get(name) == before[name] for name in before if "/history/" in name)
        halfway += bool(gone - known) and len(directories(project) - gone) > 4
    assert halfway >= KILLS / 3, f"only {halfway} of {KILLS} prunings were killed halfway"
    project(*PRUNE).ok()
    assert not directories(project) & removed(project), "the next pruning takes away what a killed one left"
    project("promote", "show", f"fares@{max(removed(project))}").failed("was removed at", "by grace")


def test_what_would_go_is_shown_and_goes_only_when_asked(project):
    before = files(project)
    shown = project("promote", "prune", "fares", "--keep-versions", "1", "--keep-rollbacks", "0")
    assert "the same with `--apply` removes it" in shown.ok() or "nothing would be removed" in shown.stdout, shown
    assert files(project) == before
    project("promote", "prune", "fare").failed("no artifact is called `fare`")
    publish(project, "low").ok()
    publish(project, "high").ok()
    told = json.loads(project("promote", "prune", "fares", "--keep-versions", "1", "--format", "json", "--apply", "--by", "ada", "--why", "the disk is full").ok())
    going = [fate["what"] for fate in told["versions"] if fate["goes"]]
    assert going and told["applied"] and told["bytes"] > 0, told
    gone = project("promote", "show", going[-1])
    gone.failed(f"{going[-1]} was removed at", "by ada: the disk is full", f"%promote restore {going[-1]}")
    for verb in ["verify", "replay", "run", "card", "sbom"]:
        assert project("promote", verb, going[-1]).code == 2, verb
        project("promote", verb, going[-1]).failed("was removed at")


def test_every_mistake_is_told(project):
    project("promote", "stage", "fares@1", "latest").failed("cannot be the name of a stage")
    project("promote", "stage", "fares@99", "staging").failed("has no version 99")
    project("promote", "stage", "fares@nobody", "staging").failed("no version of artifact `fares` is called `nobody`")
    project("promote", "rollback", "fares", "--stage", "nowhere").failed("is called `nowhere`")
    project("promote", "history", "fare").failed("fares")
    for name in ["latest", "production", "Fares", "CON", ".git", "fares.", "x" * 101]:
        project("promote", "publish", name, "--target", "low", "--notebook", NOTEBOOK).failed("hint:")
    assert [path.name for path in (project.directory / "pipelines").iterdir()] == ["fares"]
    (event, *_) = sorted((project.directory / "pipelines/fares/history").iterdir())
    text = event.read_bytes()
    event.write_bytes(text.replace(b"ada", b"eve"))
    broken = project("promote", "history", "fares")
    assert broken.code != 0 and f"changed: history/{event.name}" in broken.stdout + broken.stderr, broken
    project("promote", "replay", "fares@production").failed("not whole", "version control")
    event.write_bytes(text)
    project("promote", "replay", "fares@production").ok()


def test_who_publishes_signs_with_their_key_if_they_have_one(project, tmp_path):
    def published(user):
        environment = os.environ | {"USER": user, "XDG_CONFIG_HOME": str(tmp_path)}
        command = ["promote", "publish", "signed", "--target", "low", "--notebook", NOTEBOOK]
        return project(*command, env=environment).ok()

    assert "unsigned: `%promote key NAME` makes a key, `%promote sign signed@1 --key NAME` signs it" in published("ada")
    key = project("promote", "key", "ada", "--directory", tmp_path / "kernwerk" / "keys", "--format", "json").json()["public key"]
    assert "signed with the key of ada, which kernwerk.toml does not name" in published("ada")
    envelope = project.directory / "pipelines/signed/1/attestations/provenance.dsse.json"
    once = envelope.read_bytes()
    assert "signed before" in published("grace") and "signed with the key of ada" in published("ada") and envelope.read_bytes() == once
    settings = project.directory / "kernwerk.toml"
    before = settings.read_text()
    settings.write_text(before + f'\n[promote.keys]\nada = "{key}"\n')
    assert "signed by ada" in project("promote", "verify", "signed@1").ok()
    assert "unsigned, so that nobody replays, runs or stages it here yet: `%promote sign signed@2 --key NAME`" in published("grace")
    assert project("promote", "replay", "signed@2").code != 0
    ours = ["--key", "ada", "--directory", tmp_path / "kernwerk" / "keys"]
    assert project("promote", "publish", "signed", "--target", "high", "--notebook", NOTEBOOK, *ours).ok().rstrip().endswith("signed with the key of ada")
    project("promote", "replay", "signed@3").ok()
    absent = project("promote", "publish", "signed", "--target", "low", "--notebook", NOTEBOOK, "--key", "eve", "--directory", tmp_path)
    absent.failed("there is no key", "%promote key eve")
    settings.write_text(before)


def test_an_event_that_was_taken_away_is_told_and_nothing_is_refused_for_it(project, tmp_path):
    shutil.copytree(project.directory, tmp_path / "lab")
    lab = Project(tmp_path / "lab")
    for target in ("low", "high", "low"):
        publish(lab, target).ok()
        lab("promote", "stage", "fares", "night", "--by", "grace", "--why", "the averages are wrong").ok()
    events = sorted((lab.directory / "pipelines/fares/history").iterdir())
    taken = events[-1].read_bytes()
    events[-1].unlink()
    gone = f"number {len(events)}, stage night of fares@{json.loads(taken)['version']} by grace"
    told = lab("promote", "history", "fares").ok()
    assert f"an event that this lab has seen is gone: {gone}" in told and "--accept" in told, told
    assert gone in lab("promote", "verify", "fares@1").ok()
    # Without it the stage goes back from where it is not.
    assert f"is gone, and was not rolled back: {gone}" in lab("promote", "rollback", "fares", "--stage", "night", "--by", "ada").ok()
    events[-1].write_bytes(taken)
    assert "is gone" not in lab("promote", "history", "fares").stdout
    events[-1].unlink()
    assert f"is forgotten: {gone}" in lab("promote", "history", "fares", "--accept").stdout
    assert "is gone" not in lab("promote", "history", "fares").stdout


def test_an_approval_is_signed_in_ones_own_name_and_entered_once(project, tmp_path):
    shutil.copytree(project.directory, tmp_path / "lab")
    lab = Project(tmp_path / "lab")
    (public,) = [line.split(": ", 1)[1] for line in lab("promote", "key", "ada", "--directory", "keys").ok().splitlines() if "[promote.keys]" in line]
    history = lab.directory / "pipelines/fares/history"
    before = sorted(history.iterdir())
    key = ["--key", "ada", "--directory", "keys"]
    lab("promote", "approve", "fares@1", "staging", "--by", "bob", *key).failed("this key is that of ada", "`--by ada`")
    assert sorted(history.iterdir()) == before
    assert "(by ada, signed with a key that kernwerk.toml does not name)" in lab("promote", "approve", "fares@1", "staging", *key).ok()
    assert "already approved for staging by ada" in lab("promote", "approve", "fares@1", "staging", *key).ok()
    assert len(sorted(history.iterdir())) == len(before) + 1
    lab.write("kernwerk.toml", f"[promote.keys]\n{public}\n")
    (row,) = [row for row in lab("promote", "history", "fares", "--format", "json").json() if row["action"] == "approve"]
    assert (row["by"], row["signed"]) == ("ada", "yes")
