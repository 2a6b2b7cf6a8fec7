"""What the end-to-end tests talk to: the installed program in a shell, and the installed kernel behind a real client."""

import json
import os
import queue
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from jupyter_client.manager import KernelManager

CHECKOUT = Path(__file__).resolve().parents[2]
PROGRAM = Path(sys.prefix) / "bin" / "kernwerk"

# The first Rust cell of a kernel starts the compiler.
CELL_SECONDS = 180


@dataclass
class Ran:
    """What a command gave."""

    code: int
    stdout: str
    stderr: str

    def ok(self) -> str:
        assert self.code == 0, f"exit code {self.code}\n{self.stdout}\n{self.stderr}"
        return self.stdout

    def json(self):
        return json.loads(self.ok())

    def failed(self, *words: str) -> str:
        """Asserts a clear error: nothing on standard output, each of `words` on standard error, no trace of a panic."""
        assert self.code != 0, self.stdout
        assert self.stdout == ""
        assert_clear(self.stderr, *words)
        return self.stderr


def assert_clear(message: str, *words: str):
    """Asserts that an error message holds each of `words`, and is written for a person."""
    for word in words:
        assert word.lower() in message.lower(), f"no {word!r} in: {message}"
    for noise in ("panicked at", "RUST_BACKTRACE", "stack backtrace", "Os {"):
        assert noise not in message, message


class Shell:
    """Runs `kernwerk` in one directory."""

    def __init__(self, directory: Path):
        self.directory = Path(directory)

    def __call__(self, *arguments, stdin="", text=True, seconds=120, within=None, **options):
        """Runs a command to its end, in the directory `within` where one is given."""
        ran = subprocess.run(
            [PROGRAM, *map(str, arguments)],
            cwd=within or self.directory,
            input=stdin if text else stdin.encode(),
            capture_output=True,
            text=text,
            timeout=seconds,
            **options,
        )
        return Ran(ran.returncode, ran.stdout, ran.stderr)

    def start(self, *arguments, stdin=subprocess.DEVNULL):
        """Starts `kernwerk` and does not wait for it."""
        return subprocess.Popen(
            [PROGRAM, *map(str, arguments)],
            cwd=self.directory,
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def write(self, name: str, content) -> Path:
        path = self.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            path.write_text(content)
        return path


@dataclass
class Reply:
    """What a cell answered with."""

    status: str
    outputs: list = field(default_factory=list)
    content: dict = field(default_factory=dict)

    def text(self) -> str:
        """All text of the cell: streams, plain text of displays, errors."""
        return "".join(map(_text_of, self.outputs))

    def ok(self) -> str:
        assert self.status == "ok", self.text() or self.content
        return self.text()

    def failed(self, *words: str) -> str:
        """Asserts an `error` reply with exactly one `error` output, which holds each of `words`."""
        assert self.status == "error", self.text()
        errors = [content for kind, content in self.outputs if kind == "error"]
        assert len(errors) == 1, self.outputs
        assert errors[0]["ename"] == self.content["ename"]
        message = _plain(errors[0]["evalue"] + "\n" + "\n".join(errors[0]["traceback"]))
        assert_clear(message, *words)
        return message


def _plain(text: str) -> str:
    """A text without the colours of terminals."""
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


def _text_of(output) -> str:
    kind, content = output
    if kind == "stream":
        return content["text"]
    if kind == "error":
        return content["ename"] + ": " + content["evalue"] + "\n" + "\n".join(content["traceback"])
    return content["data"].get("text/plain", "") + "\n"


class Kernel:
    """An installed kernel (ours, unless another is named), run for a notebook in `directory`."""

    # The outputs that a reply keeps.
    kinds = ("stream", "display_data", "execute_result", "error")

    def __init__(self, directory: Path, environment=None, name="kernwerk"):
        self.directory = Path(directory)
        self.manager = KernelManager(kernel_name=name)
        self.environment = {**os.environ, **(environment or {})}

    def __enter__(self):
        self.manager.start_kernel(cwd=str(self.directory), env=self.environment)
        self.client = self.manager.blocking_client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=30)
        return self

    def __exit__(self, *_):
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=not self.manager.is_alive())

    @property
    def pid(self) -> int:
        return self.manager.provisioner.pid

    def send(self, code: str) -> str:
        """Sends a cell; the identity of the request."""
        return self.client.execute(code)

    def run(self, code: str, seconds: float = CELL_SECONDS) -> Reply:
        """Runs a cell to its end."""
        return self.wait(self.send(code), seconds)

    def wait(self, request: str, seconds: float = CELL_SECONDS) -> Reply:
        """Waits for the reply of a request and for all of its outputs."""
        deadline = time.monotonic() + seconds
        outputs = []
        while True:
            message = self._next(self.client.get_iopub_msg, deadline)
            if message["parent_header"].get("msg_id") != request:
                continue
            kind, content = message["msg_type"], message["content"]
            if kind == "status" and content["execution_state"] == "idle":
                break
            if kind in self.kinds:
                outputs.append((kind, content))
        while True:
            message = self._next(self.client.get_shell_msg, deadline)
            if message["parent_header"].get("msg_id") == request:
                return Reply(message["content"]["status"], outputs, message["content"])

    def _next(self, get, deadline):
        while True:
            try:
                return get(timeout=0.5)
            except queue.Empty:
                assert self.manager.is_alive(), "the kernel died"
                assert time.monotonic() < deadline, "the kernel did not answer in time"

    def kill(self):
        """Ends the kernel as a power cut would: it can neither say nor write anything any more."""
        os.kill(self.pid, signal.SIGKILL)
        self.manager.provisioner.process.wait(timeout=10)


def minilm() -> Path:
    """The directory of the installed MiniLM package that holds its weights."""
    found = list(Path(sys.prefix).glob("lib/python*/site-packages/**/model.safetensors"))
    assert found, "MiniLM is not installed: run make setup"
    return found[0].parent


def copy_of_minilm(directory: Path) -> Path:
    """A copy of the model that a test may spoil."""
    target = Path(directory) / "model"
    shutil.copytree(minilm(), target)
    return target
