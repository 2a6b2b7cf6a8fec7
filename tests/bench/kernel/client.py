"""A kernel and a front end that measures. The kernel is started without a manager, and its sockets are tried often: else the client's own pauses would be measured."""

import os
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import psutil
import zmq
from jupyter_client.blocking import BlockingKernelClient
from jupyter_client.connect import write_connection_file

from tests.bench.kernel import peers

# A cell may have dependencies compiled.
PATIENCE = 3 * 60 * 60


class Kernel:
    """A kernel that runs."""

    def __init__(self, name, directory):
        argv, environment = peers.command(name)
        self.file, _ = write_connection_file(str(Path(directory) / "connection.json"))
        argv = [part.format(connection_file=self.file, resource_dir="") for part in argv]
        context = zmq.Context()
        # Milliseconds until a connection that was refused is tried again.
        context.setsockopt(zmq.RECONNECT_IVL, 2)
        self.client = BlockingKernelClient(connection_file=self.file, context=context)
        self.client.load_connection_file()
        self.begun = time.perf_counter()
        self.process = subprocess.Popen(
            argv,
            cwd=directory,
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self.client.start_channels(hb=False)
        self._reply(self.client.kernel_info(), 120)
        # From its start to its first answer.
        self.started = time.perf_counter() - self.begun

    def run(self, code, patience=PATIENCE):
        """Runs a cell; the seconds from request to idle and reply, and its outputs."""
        begun = time.perf_counter()
        request = self.client.execute(code)
        outputs = []
        while True:
            message = self.client.get_iopub_msg(timeout=patience)
            if message["parent_header"].get("msg_id") != request:
                continue
            if message["msg_type"] == "status" and message["content"]["execution_state"] == "idle":
                break
            outputs.append(message)
        reply = self._reply(request, patience)
        seconds = time.perf_counter() - begun
        errors = [message["content"] for message in outputs if message["msg_type"] == "error"]
        assert reply["content"]["status"] == "ok" and not errors, (code, reply["content"], errors)
        return seconds, outputs

    def seconds(self, code):
        """How long a cell takes."""
        return self.run(code)[0]

    def text(self, code):
        """What a cell shows, as plain text."""
        return "".join(map(_text, self.run(code)[1]))

    def memory(self):
        """The proportional share of memory, in bytes, of the kernel's processes together."""
        kernel = psutil.Process(self.process.pid)
        return sum(_share(process) for process in [kernel, *kernel.children(recursive=True)])

    def _reply(self, request, patience):
        while True:
            message = self.client.get_shell_msg(timeout=patience)
            if message["parent_header"].get("msg_id") == request:
                return message

    def end(self):
        """Ends the kernel and all that it started."""
        children = psutil.Process(self.process.pid).children(recursive=True)
        self.client.shutdown()
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        for child in children:
            if child.is_running():
                child.kill()
        self.client.stop_channels()


@contextmanager
def started(name, directory=None):
    """A kernel that has answered once, in `directory` or in one that goes away again."""
    with tempfile.TemporaryDirectory() as scratch:
        kernel = Kernel(name, directory or scratch)
        try:
            yield kernel
        finally:
            kernel.end()


@contextmanager
def both(ours, peer):
    """Two kernels side by side, so that their cells can take turns."""
    with started(ours) as mine, started(peer) as theirs:
        yield mine, theirs


def _share(process):
    try:
        for line in Path(f"/proc/{process.pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    except OSError:
        # It has ended meanwhile.
        pass
    return 0


def _text(message):
    content = message["content"]
    return content.get("text") or content.get("data", {}).get("text/plain", "")
