"""A checkout that holds a published artifact, for tests to spoil, and what they say of a replay."""

import json
from pathlib import Path

from blake3 import blake3

from house import Shell


class Project(Shell):
    """A checkout that holds the artifact `trip@1`."""

    artifact_path = Path("pipelines") / "trip" / "1"

    def artifact(self, file: str) -> Path:
        return self.directory / self.artifact_path / file

    def replay(self, *words: str, **options):
        return self("promote", "replay", "trip@1", *words, seconds=300, **options)

    def verify(self):
        return self("promote", "verify", "trip@1")

    def forge(self, artifact="trip@1"):
        """Digests the artifact anew, as somebody would who hides what he did: only running the cells can tell."""
        manifest, proof = self.artifact("MANIFEST.json"), self.artifact("attestations/proof.json")
        root = self.artifact(".")
        files = sorted(path for path in root.rglob("*") if path.is_file() and path != manifest and proof.parent not in path.parents)
        listed = [
            {"path": path.relative_to(root).as_posix(), "bytes": path.stat().st_size, "blake3": blake3(path.read_bytes()).hexdigest()}
            for path in files
        ]
        manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"files": listed}, indent=2) + "\n")
        identity = blake3(manifest.read_bytes()).hexdigest()
        proof.write_text(json.dumps(json.loads(proof.read_text()) | {"artifact": identity}))
        attested = self.artifact("attestations/MANIFEST.json")
        names = sorted(path.relative_to(root).as_posix() for path in proof.parent.iterdir() if path != attested)
        digests = {name: blake3(self.artifact(name).read_bytes()).hexdigest() for name in names}
        attested.write_text(json.dumps({"format": 1, "artifact": identity, "files": digests}, indent=2) + "\n")
        assert "is sound" in self("promote", "verify", artifact).ok()


def assert_differs(report, *words: str):
    """The replay found something else than was published, and says what."""
    assert report.code == 1, report.stdout + report.stderr
    for word in words:
        assert word in report.stdout, f"no {word!r} in:\n{report.stdout}\n{report.stderr}"


def assert_not_run(report, *words: str):
    """The replay could not be done, and says why."""
    assert report.code == 2, report.stdout + report.stderr
    for word in words:
        assert word in report.stdout + report.stderr, f"no {word!r} in:\n{report.stdout}\n{report.stderr}"


def agreements(report) -> list:
    """The agreement of each cell that ran, in their order."""
    return [row["agreement"] for row in json.loads(report.stdout)]
