"""What the comparisons share: what they need or are skipped without, and a lab that is used from a shell."""

import importlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
DATA = CHECKOUT.parent / "shared" / "data"
REQUIRED = os.environ.get("KERNWERK_REQUIRE_ORACLES") == "1"


def missing(what: str):
    """Skips the test, or fails it where oracles are required."""
    if REQUIRED:
        pytest.fail(f"{what} is missing, and KERNWERK_REQUIRE_ORACLES is 1")
    pytest.skip(f"{what} is missing")


def oracle(module: str):
    try:
        return importlib.import_module(module)
    except ImportError:
        missing(f"the Python package for {module}")


def data(name: str) -> Path:
    """The directory of a collection."""
    directory = DATA / name
    if not (directory / "corpus.jsonl").exists():
        missing(f"../shared/data/{name}")
    return directory


def read_lines(path: Path) -> list[dict]:
    """The records of a file of JSON lines."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


class Lab:
    """A lab in a directory of its own, used from a shell."""

    def __init__(self, directory: Path):
        self.directory = directory
        path = os.pathsep.join([str(Path(sys.prefix) / "bin"), os.environ.get("PATH", "")])
        self.program = shutil.which("kernwerk", path=path)
        assert self.program, "the program kernwerk is not installed: run make setup"
        self("lab", "init")

    def attempt(self, *arguments, body="", principal=None):
        """The exit code and what was said, on standard output and on standard error."""
        who = ["--principal", principal] if principal else []
        words = [self.program, *map(str, arguments), *who]
        ran = subprocess.run(words, cwd=self.directory, input=body, capture_output=True, text=True, timeout=500)
        return ran.returncode, ran.stdout, ran.stderr

    def __call__(self, *arguments, body="", principal=None) -> str:
        code, said, heard = self.attempt(*arguments, body=body, principal=principal)
        assert code == 0, f"{arguments}\n{said}\n{heard}"
        return said

    def json(self, *arguments, principal=None):
        return json.loads(self(*arguments, "--format", "json", principal=principal))

    def write(self, name: str, records) -> Path:
        """A file of JSON lines."""
        path = self.directory / name
        path.write_text("".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records), encoding="utf-8")
        return path

    def search(self, corpus: str, queries: Path, mode: str, principal=None) -> dict[str, dict[str, float]]:
        """The scores of many queries' documents."""
        target = self.directory / f"{corpus}-{mode}.trec"
        self("rag", "search", corpus, "--mode", mode, "--queries", queries, "--run", target, principal=principal)
        return run_of(target.read_text())

    def ask(self, corpus: str, questions: list[dict], *options) -> list[dict]:
        """The answers, question by question."""
        target = self.directory / "answers.jsonl"
        self("rag", "ask", corpus, "--questions", self.write("questions.jsonl", questions), "--answers", target, *options)
        answers = read_lines(target)
        assert [answer["_id"] for answer in answers] == [question["_id"] for question in questions]
        return answers


def run_of(text: str) -> dict[str, dict[str, float]]:
    """A TREC run: the scores of each query's documents."""
    run: dict[str, dict[str, float]] = {}
    for line in text.splitlines():
        query, _, document, _, score, _ = line.split()
        run.setdefault(query, {})[document] = float(score)
    return run
