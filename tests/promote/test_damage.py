"""Every verb that reads artifacts says of a damaged one which file of which artifact is wrong, how, and what to do."""

import shutil

import pytest

from artifact import Project
from house import Kernel

RIDES = "ride,zone,pickup,fare\n1,1,2026-03-01T08:00:00Z,12.5\n2,2,2026-03-01T08:10:00Z,7.25\n3,1,2026-03-01T08:20:00Z,9.75\n"
VERBS = {
    "show": ["show", "trip@1"],
    "verify": ["verify", "trip@1"],
    "replay": ["replay", "trip@1"],
    "run": ["run", "trip@1"],
    "diff": ["diff", "trip@2", "trip@1"],
    "card": ["card", "trip@1"],
    "sbom": ["sbom", "trip@1"],
    "export": ["export", "trip@1", "--to", "notebook", "--output", "out.ipynb"],
    "list": ["list"],
    "stage": ["stage", "trip@1", "production", "--by", "ada"],
    "sign": ["sign", "trip@1", "--key", "ada", "--directory", "keys"],
    "prune": ["prune", "--keep-versions", "1"],
}
# Words of serde, of the operating system and of Rust that tell a person nothing.
RAW = ["os error", "expected value at", "EOF while", "at line 1 column", "missing field", "TOML parse", "invalid type", "Utf8Error", "NotADirectory"]


def emptied(path):
    path.write_bytes(b"")


def removed(path):
    path.unlink()


def directory(path):
    path.unlink()
    path.mkdir()


def written(text):
    def write(path):
        path.write_bytes(text)

    return write


# What is done to a file, and what is said of it. What only changes bytes is found by the verbs that verify.
DAMAGES = {
    "an emptied manifest": ("MANIFEST.json", emptied, "MANIFEST.json: it is empty"),
    "no manifest": ("MANIFEST.json", removed, "MANIFEST.json: it is missing"),
    "a manifest that breaks off": ("MANIFEST.json", written(b'{\n  "format": 1,\n'), "MANIFEST.json: it breaks off in line"),
    "a manifest of nothing": ("MANIFEST.json", written(b"{}"), "MANIFEST.json: it does not say `format`"),
    "a directory for a manifest": ("MANIFEST.json", directory, "MANIFEST.json: it is a directory"),
    "no pipeline.toml": ("pipeline.toml", removed, "pipeline.toml"),
    "a pipeline.toml that does not parse": ("pipeline.toml", written(b"format = 1\nname = = 3\n"), "pipeline.toml"),
    "a pipeline.toml of nothing": ("pipeline.toml", written(b"format = 1\n"), "pipeline.toml"),
    "bytes for a pipeline.toml": ("pipeline.toml", written(b"\xff\xfe\x00"), "pipeline.toml"),
    "a directory for a pipeline.toml": ("pipeline.toml", directory, "pipeline.toml"),
    "a proof of nothing": ("attestations/proof.json", written(b"{}"), "attestations/proof.json: it does not say `artifact`"),
    "an emptied proof": ("attestations/proof.json", emptied, "attestations/proof.json: it is empty"),
    "gates that are none": ("attestations/gates.json", written(b'{"gates": 3}'), "attestations/gates.json: what stands in line 1"),
    "a missing cell": ("cells/02.rs", removed, "cells/02.rs"),
    "a cell that is a directory": ("cells/02.rs", directory, "cells/02.rs"),
    "no cells": ("cells", shutil.rmtree, "cells/01.rs"),
}
# What each of the verbs reads: it need not see damage elsewhere.
UNSEEN = {
    "list": ("cells", "cells/02.rs", "attestations/gates.json"),
    "prune": ("cells", "cells/02.rs", "attestations/gates.json", "attestations/proof.json"),
}


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """Two versions of `trip`, of which the first is damaged, and a key."""
    project = Project(tmp_path_factory.mktemp("damage"))
    project.write("rides.csv", RIDES)
    with Kernel(project.directory, {"JPY_SESSION_NAME": str(project.directory / "rides.ipynb")}) as kernel:
        kernel.run("%lab init").ok()
        kernel.run("%feature source rides rides.csv --event-time pickup").ok()
        for word in ["min", "max"]:
            kernel.run(f"%feature sql SELECT zone, {word}(fare) AS fare FROM rides GROUP BY zone ORDER BY zone -> fares").ok()
            kernel.run("%promote publish trip --target fares").ok()
    project("promote", "key", "ada", "--directory", "keys").ok()
    return project


@pytest.fixture
def damaged(project):
    """The artifact, which is whole again afterwards."""
    kept = project.directory / "kept"
    shutil.copytree(project.artifact("."), kept)
    yield project
    shutil.rmtree(project.artifact("."))
    shutil.move(kept, project.artifact("."))


@pytest.mark.parametrize("damage", DAMAGES)
def test_every_verb_says_what_is_wrong(damaged, damage):
    file, spoil, words = DAMAGES[damage]
    spoil(damaged.artifact(file))
    for verb, command in VERBS.items():
        said = damaged("promote", *command)
        text = said.stdout + said.stderr
        case = f"{verb} of {damage}: exit code {said.code}\n{text}"
        for raw in RAW:
            assert raw not in text, f"{raw!r} in {case}"
        assert "panicked" not in text, case
        assert not (damaged.directory / "out.ipynb").exists(), case
        if file in UNSEEN.get(verb, ()):
            continue
        assert "trip@1" in text, case
        assert words in text or file in text, case
        if verb == "list":
            assert said.code == 0 and "publish it again" in text, case
            continue
        if verb == "prune" and said.code == 0:
            assert "trip@1 stays: nobody can tell what it is" in text and "publish it again" in text, case
            continue
        assert said.code in (1, 2), case
        if verb not in ("verify", "replay", "run", "prune", "diff") or said.code == 2:
            assert "hint:" in said.stderr and "version control" in said.stderr, case


def test_what_lies_in_the_place_of_the_version_is_named(damaged):
    place = damaged.artifact(".")
    shutil.rmtree(place)
    place.write_text("a file")
    damaged("promote", "show", "trip@1").failed("trip@1 is damaged: a file lies in the place of its directory", "hint:")
    place.unlink()
    damaged("promote", "show", "trip@1").failed("has no version 1", "hint:")
    place.mkdir()
    damaged("promote", "show", "trip@1").failed("trip@1 is damaged: pipeline.toml: it is missing", "hint:")


def test_a_history_that_is_none_is_named(project):
    history = project.directory / "pipelines/trip/history"
    history.write_text("a file")
    said = project("promote", "history", "trip")
    assert said.code == 1 and "changed: history, in whose place a file lies" in said.stdout, said
    project("promote", "stage", "trip@2", "production", "--by", "ada").failed("in whose place a file lies", "version control")
    history.unlink()
