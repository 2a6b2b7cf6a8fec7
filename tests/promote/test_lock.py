"""The crates that Rust cells were compiled with stay with an artifact: replays compile these versions and no others, and the bill of materials has all of them."""

import json
import os
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
from cyclonedx.model.bom import Bom
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from artifact import Project, assert_differs, assert_not_run
from house import Kernel

# A crate without dependencies that tells which version of Unicode it was made for, and so which version it is.
CRATE = "unicode-xid"
OLDER, OLDER_TELLS = "0.2.4", "(15, 0, 0)"
CELLS = [
    "%lab init",
    # Leads nowhere, and so does its crate.
    ':dep itoa = "1"\nlet idle = itoa::Buffer::new().format(1).len();',
    f':dep {CRATE} = "0.2"\nlet standard = unicode_xid::UNICODE_VERSION;',
    "standard",
]


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """A project with the artifact `trip@1`, and what its last cell showed."""
    project = Project(tmp_path_factory.mktemp("lock"))
    with Kernel(project.directory, {"JPY_SESSION_NAME": str(project.directory / "n.ipynb")}) as kernel:
        shown = [kernel.run(cell, seconds=300).ok() for cell in CELLS][-1]
        kernel.run("%promote publish trip --target 4", seconds=300).ok()
    # The same crates are the same version, whoever asks; that they lie beside it makes no other one.
    words = project("promote", "publish", "trip", "--target", "4", "--notebook", "n.ipynb", "--vendor", seconds=300).ok()
    assert "already" in words and "1 crates lie beside it (1 of them new" in words, words
    project.shown = shown.strip()
    assert project.shown != OLDER_TELLS, "the registry has newer ones"
    return project


@pytest.fixture
def checkout(published, tmp_path):
    """A copy for one test to spoil."""
    copy = Project(tmp_path / "copy")
    shutil.copytree(published.directory, copy.directory)
    copy.shown = published.shown
    return copy


@pytest.fixture(scope="module")
def older(tmp_path_factory):
    """What cargo writes into a lock file for the older version."""
    package = tmp_path_factory.mktemp("older")
    (package / "src").mkdir()
    (package / "src" / "lib.rs").write_text("")
    manifest = f'[package]\nname = "x"\nversion = "0.1.0"\nedition = "2024"\n\n[dependencies]\n{CRATE} = "={OLDER}"\n'
    (package / "Cargo.toml").write_text(manifest)
    subprocess.run(["cargo", "generate-lockfile"], cwd=package, check=True, timeout=120, capture_output=True)
    return entry((package / "Cargo.lock").read_text())


def entry(lock: str, name=CRATE) -> str:
    """The lines of a lock file about one crate."""
    return next(part for part in lock.split("[[package]]\n") if part.startswith(f'name = "{name}"'))


def packages(lock: str) -> dict:
    """The crates of a lock file that come from a registry, by name."""
    return {package["name"]: package for package in tomllib.loads(lock)["package"] if "source" in package}


def plant(project, new: str, artifact="trip@1"):
    """Puts other lines about the crate into the artifact's lock, and hides that by new digests."""
    lock = project.artifact("Cargo.lock")
    text = lock.read_text()
    lock.write_text(text.replace(entry(text).rstrip("\n"), new.rstrip("\n")))
    project.forge(artifact)


def test_the_artifact_holds_the_crates_of_its_cells_and_no_others(published):
    locked = packages(published.artifact("Cargo.lock").read_text())
    assert set(locked) == {CRATE}, "what other cells of the notebook need is not among them"
    assert len(locked[CRATE]["checksum"]) == 64
    pinned = tomllib.loads(published.artifact("pipeline.toml").read_text())["rust"]
    assert pinned == {"lock": "Cargo.lock", "crates": {CRATE: locked[CRATE]["version"]}}
    listed = [file["path"] for file in json.loads(published.artifact("MANIFEST.json").read_text())["files"]]
    assert "Cargo.lock" in listed
    assert f"{CRATE} {locked[CRATE]['version']}" in published("promote", "show", "trip@1").ok()


def test_the_bill_of_materials_is_whole(published):
    published("promote", "sbom", "trip@1", "--to", "trip.cdx.json").ok()
    text = (published.directory / "trip.cdx.json").read_text()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    document = json.loads(text)
    assert Bom.from_json(document).validate()
    assert document["compositions"] == [{"aggregate": "complete", "dependencies": ["artifact"]}]
    locked = packages(published.artifact("Cargo.lock").read_text())[CRATE]
    reference = f"pkg:cargo/{CRATE}@{locked['version']}"
    component = {one["bom-ref"]: one for one in document["components"]}[reference]
    assert component["purl"] == reference and component["version"] == locked["version"]
    assert component["hashes"] == [{"alg": "SHA-256", "content": locked["checksum"]}]
    assert component["licenses"] == [{"expression": "MIT OR Apache-2.0"}], "as it says in its own manifest"
    graph = {one["ref"]: one["dependsOn"] for one in document["dependencies"]}
    assert reference in graph["artifact"] and graph[reference] == []
    assert json.loads(published.artifact("attestations/sbom.cdx.json").read_text()) == document


def test_a_replay_compiles_the_version_that_is_pinned(checkout, older):
    plant(checkout, older)
    assert_differs(checkout.replay(), OLDER_TELLS, checkout.shown)
    # A run, too: it gives another value. Nothing says that it is wrong.
    ran = checkout("promote", "run", "trip@1", "--output", "out.txt", seconds=300)
    assert ran.code == 0 and OLDER_TELLS in (checkout.directory / "out.txt").read_text(), ran
    # Whoever writes a cell afterwards gets the version that this machine has chosen before.
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "kernwerk" / "cells"
    chosen = [packages(lock.read_text())[CRATE]["version"] for lock in cache.glob("*/Cargo.lock")]
    assert chosen and OLDER not in chosen, chosen


def test_a_version_that_is_not_to_be_had_is_named(checkout, older):
    plant(checkout, older.replace(OLDER, "0.2.999"))
    said = checkout.replay()
    assert_not_run(said, "cell 1", CRATE, "0.2.999")


def test_a_crate_that_is_not_pinned_is_not_compiled(checkout):
    plant(checkout, 'name = "other"\nversion = "1.0.0"\n')
    assert_not_run(checkout.replay(), "cell 1", CRATE, "pinned")


def test_other_bytes_under_the_same_version_are_refused(checkout):
    shutil.rmtree(checkout.directory / "pipelines" / "trip" / "crates")
    lock = checkout.artifact("Cargo.lock").read_text()
    checksum = packages(lock)[CRATE]["checksum"]
    plant(checkout, entry(lock).replace(checksum, "0" * 64))
    assert_not_run(checkout.replay(), "cell 1", "checksum", CRATE)


def test_an_artifact_without_its_lock_is_broken(checkout):
    pipeline = checkout.artifact("pipeline.toml")
    pipeline.write_text(pipeline.read_text().replace('lock = "Cargo.lock"', 'lock = "../Cargo.lock"'))
    checkout.forge()
    checkout("promote", "replay", "trip@1").failed("`../Cargo.lock` is not in the artifact")
    text = pipeline.read_text()
    start = text.index("[rust]")
    end = text.index("\n[target]", start)
    pipeline.write_text(text[:start] + text[end + 1 :])
    checkout.forge()
    checkout("promote", "replay", "trip@1").failed("does not say with which crates")
    bill = json.loads(checkout("promote", "sbom", "trip@1").ok())
    assert bill["compositions"][0]["aggregate"] == "incomplete"


def test_a_comparison_tells_which_crates_differ(checkout, older):
    second = Project(checkout.directory)
    second.artifact_path = checkout.artifact_path.parent / "2"
    shutil.copytree(checkout.artifact("."), second.artifact("."))
    plant(second, older, "trip@2")
    compared = checkout("promote", "diff", "trip@1", "trip@2")
    assert compared.code == 1 and f"crates.{CRATE}" in compared.stdout and OLDER in compared.stdout, compared


def without_a_registry(place: Path) -> dict:
    """An environment in which cargo has fetched nothing, may fetch nothing, and what was compiled before is not to be found."""
    rustup = os.environ.get("RUSTUP_HOME", str(Path.home() / ".rustup"))
    homes = {"CARGO_HOME": str(place / "cargo home"), "XDG_CACHE_HOME": str(place / "cache"), "RUSTUP_HOME": rustup}
    return os.environ | homes | {"CARGO_NET_OFFLINE": "true"}


def test_crates_beside_an_artifact_are_all_that_it_needs(checkout, tmp_path):
    version = packages(checkout.artifact("Cargo.lock").read_text())[CRATE]["version"]
    beside = checkout.directory / "pipelines" / "trip" / "crates"
    packed = beside / f"{CRATE}-{version}.crate"
    assert list(beside.iterdir()) == [packed]
    environment = without_a_registry(tmp_path)
    ran = checkout.replay(env=environment)
    assert ran.code == 0 and "identical" in ran.stdout, ran
    packed.write_bytes(packed.read_bytes()[:-1] + b"x")
    checkout.replay(env=environment).failed(packed.name, "is not the crate of which Cargo.lock has the checksum")
    shutil.rmtree(beside)
    shutil.rmtree(environment["XDG_CACHE_HOME"])
    assert_not_run(checkout.replay(env=environment), "cell 1", CRATE)


@pytest.mark.skipif(not os.environ.get("KERNWERK_TORTURE"), reason="takes minutes: make torture")
def test_an_exported_crate_has_the_same_versions(published):
    published("promote", "export", "trip@1", "--to", "crate", "--output", "crate", seconds=300).ok()
    exported = packages((published.directory / "crate" / "Cargo.lock").read_text())
    assert exported[CRATE] == packages(published.artifact("Cargo.lock").read_text())[CRATE]
