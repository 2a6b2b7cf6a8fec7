"""`%cost watch`: a display that follows what cells consume, whatever runs; in a shell lines that follow it until an interrupt."""

import signal
import time

import pytest

from house import Kernel, Shell

TEXT = "The tide tells the ferry when to leave. " * 30


def watching(kernel):
    """Begins to watch; the identity of the display, and its text."""
    request = kernel.send("%cost watch")
    while True:
        message = kernel.client.get_iopub_msg(timeout=60)
        if message["msg_type"] == "display_data" and message["parent_header"]["msg_id"] == request:
            break
    kernel.wait(request)
    return message["content"]["transient"]["display_id"], message["content"]["data"]["text/plain"]


def update(kernel, display, wanted, seconds=30, still=None):
    """Waits until the display shows what is wanted; the display `still` must not move meanwhile."""
    deadline = time.monotonic() + seconds
    text = None
    while time.monotonic() < deadline:
        message = kernel.client.get_iopub_msg(timeout=seconds)
        if message["msg_type"] == "update_display_data":
            moved = message["content"]["transient"]["display_id"]
            assert moved != still, "what was followed before goes on"
            if moved != display:
                continue
            assert "<table" in message["content"]["data"]["text/html"]
            text = message["content"]["data"]["text/plain"]
            if wanted(fields(text)):
                return fields(text)
    raise AssertionError(f"the display did not come to show it: {text}")


def fields(text):
    """The lines `name  value` of a record."""
    pairs = (line.split("  ", 1) for line in text.splitlines() if "  " in line)
    return {name.strip(): value.strip() for name, value in pairs}


def test_without_a_lab_it_says_how_to_make_one(kernel):
    kernel.run("%cost watch").failed("there is no lab", "%lab init")


def test_a_display_follows_magics_and_budgets_and_ends_when_told(kernel):
    (kernel.directory / "text.md").write_text(TEXT)
    kernel.run("%cost budget set --limit 1000000 --unit tokens --hard").ok()
    display, text = watching(kernel)
    first = fields(text)
    assert first["calls of models"] == "0" and "1000000" in first["budget 1"], text
    request = kernel.send("%rag ingest pages text.md")
    now = update(kernel, display, lambda shown: shown["calls of models"] != "0" and shown["cells that have ended"] == "3", 120)
    assert int(now["tokens in"]) > 100
    assert now["budget 1"] != first["budget 1"]
    assert now["cost"].startswith("unpriced"), now
    kernel.client.get_shell_msg(timeout=60)
    assert request
    assert "stands still" in kernel.run("%cost watch --stop").ok()
    kernel.run("%lab status").ok()
    deadline = time.monotonic() + 3
    while time.monotonic() < deadline:
        for message in drain(kernel):
            assert message["msg_type"] != "update_display_data", "it goes on"
        time.sleep(0.1)


def drain(kernel):
    while kernel.client.iopub_channel.msg_ready():
        yield kernel.client.get_iopub_msg(timeout=1)


@pytest.fixture
def notebook(tmp_path):
    """A kernel that knows its notebook, as Jupyter's servers tell it."""
    with Kernel(tmp_path, {"JPY_SESSION_NAME": "book.ipynb"}) as kernel:
        yield kernel


def test_it_goes_on_while_a_rust_cell_runs_and_another_takes_its_place(notebook):
    warm = notebook
    warm.run("%lab init").ok()
    warm.run("1").ok()
    display, _ = watching(warm)
    request = warm.send("std::thread::sleep(std::time::Duration::from_secs(8));")
    running = lambda shown: shown["seconds of the cell that runs"].isdigit() and int(shown["seconds of the cell that runs"]) > 1  # noqa: E731
    now = update(warm, display, running)
    assert int(now["cells that have ended"]) >= 2
    warm.wait(request)
    second, _ = watching(warm)
    assert second != display
    warm.run("1 + 1").ok()
    update(warm, second, lambda shown: int(shown["cells that have ended"]) > int(now["cells that have ended"]) + 2, still=display)
    warm.run("%cost watch --stop").ok()


@pytest.mark.parametrize("words", [["--format", "json"], []])
def test_a_shell_follows_until_it_is_interrupted(tmp_path, words):
    shell = Shell(tmp_path)
    shell("lab", "init").ok()
    watcher = shell.start("cost", "watch", *words)
    try:
        seen = watcher.stdout.readline()
        shell("lab", "status").ok()
        before = time.monotonic()
        # The second answer comes with the cell of the second shell, and says so.
        while seen.count("cells that have ended") < 2:
            line = watcher.stdout.readline()
            assert line, seen + watcher.stderr.read()
            seen += line
        assert time.monotonic() - before < 30
        watcher.send_signal(signal.SIGINT)
        assert watcher.wait(timeout=10) == 0, watcher.stderr.read()
    finally:
        watcher.kill()


def test_a_shell_ends_with_who_reads(tmp_path):
    shell = Shell(tmp_path)
    shell("lab", "init").ok()
    watcher = shell.start("cost", "watch")
    try:
        watcher.stdout.readline()
        watcher.stdout.close()
        shell("lab", "status").ok()
        assert watcher.wait(timeout=30) == 0
    finally:
        watcher.kill()
