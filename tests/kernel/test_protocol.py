"""The installed kernel under loads and mistakes that front ends make: floods, slow readers, forgeries, restarts, many at once."""

import os
import queue
import random
import re
import subprocess
import sys
import threading
import time

import pytest
import zmq
from jupyter_client.manager import KernelManager
from jupyter_client.session import Session

from house import Kernel

LONG = bool(os.environ.get("KERNWERK_TORTURE"))
QUICK_CELLS = 10_000 if LONG else 600
FLOOD_SECONDS = 30 if LONG else 3


def resident_megabytes(pid: int) -> float:
    with open(f"/proc/{pid}/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def peak_megabytes(pid: int) -> float:
    with open(f"/proc/{pid}/status") as status:
        return int(re.search(r"VmHWM:\s*(\d+) kB", status.read())[1]) / 1000


def forget_peak(pid: int):
    with open(f"/proc/{pid}/clear_refs", "w") as clear:
        clear.write("5")


@pytest.fixture(scope="module")
def quick(tmp_path_factory):
    """A kernel of magics alone, which the tests of this file share."""
    with Kernel(tmp_path_factory.mktemp("notebook")) as kernel:
        kernel.run("%lab init").ok()
        yield kernel


def test_quick_cells_in_a_row_lose_nothing(quick):
    """All are sent before the first is answered: each is answered in its order, with its outputs, and memory settles."""
    dice = random.Random(7)
    cells = [dice.choice(["%lab status", "", "%feature list", "%cost prices"]) for _ in range(QUICK_CELLS)]
    first = quick.run("%lab status").content["execution_count"] + 1
    quick.run("%lab status\n" * 20).ok()
    first += 1
    before = resident_megabytes(quick.pid)
    heard = {}
    requests = []

    def listen():
        idle = 0
        while idle < len(cells):
            message = quick.client.get_iopub_msg(timeout=120)
            request, content = message["parent_header"].get("msg_id"), message["content"]
            heard.setdefault(request, []).append(content.get("execution_state") or message["msg_type"])
            idle += content.get("execution_state") == "idle"

    listener = threading.Thread(target=listen)
    listener.start()
    for code in cells:
        requests.append(quick.send(code))
    for number, request in enumerate(requests):
        message = quick.client.get_shell_msg(timeout=120)
        assert message["parent_header"]["msg_id"] == request, "a reply is lost, or overtook another"
        assert message["content"]["status"] == "ok", message["content"]
        assert message["content"]["execution_count"] == first + number
    listener.join(timeout=120)
    assert not listener.is_alive(), "states are lost"
    for code, request in zip(cells, requests, strict=True):
        shown = ["display_data"] if code else []
        assert heard[request] == ["busy", "execute_input", *shown, "idle"], (code, heard[request])
    assert resident_megabytes(quick.pid) < before + 60 + QUICK_CELLS / 100


def test_output_waits_for_a_slow_reader_and_not_in_the_kernel(warm):
    """A hundred megabytes of displays, which are never cut, for a front end that reads late: the cell waits with them."""
    count, size = 100, 1_000_000
    info = warm.manager.get_connection_info()
    context = zmq.Context()
    slow = context.socket(zmq.SUB)
    # Takes two messages from the wire and no third before it is asked.
    slow.setsockopt(zmq.RCVHWM, 1)
    slow.setsockopt(zmq.RCVBUF, 64 * 1024)
    slow.setsockopt(zmq.SUBSCRIBE, b"")
    slow.connect(f"tcp://{info['ip']}:{info['iopub_port']}")
    assert slow.poll(10_000), "the welcome message"
    forget_peak(warm.pid)
    before = resident_megabytes(warm.pid)
    request = warm.send(
        f'for number in 0..{count} {{ kernwerk::display(&[("text/plain", &format!("display {{number}} {{}}", "x".repeat({size})))]); }}'
    )
    shown = []

    def read(socket, until):
        session = Session(key=info["key"])
        while until(socket):
            _, frames = session.feed_identities(socket.recv_multipart())
            message = session.deserialize(frames)
            if message["msg_type"] == "display_data":
                shown.append(message["content"]["data"]["text/plain"])
            if message["content"].get("execution_state") == "idle" and message["parent_header"].get("msg_id") == request:
                return

    # The fast one reads along; it hears no more than the kernel lets the slow one fall behind.
    time.sleep(4)
    with pytest.raises(queue.Empty):
        # The cell has not ended: it waits.
        warm.client.get_shell_msg(timeout=0.1)
    # Nobody has waited so long that the slow one would be parted with.
    read(slow, lambda socket: socket.poll(60_000))
    assert [text.split()[1] for text in shown] == [str(number) for number in range(count)]
    assert warm.wait(request, 60).status == "ok"
    # What waits at most, once more as text, and what the allocator keeps.
    assert peak_megabytes(warm.pid) < before + 150
    slow.close(linger=0)
    context.term()


def test_a_forged_message_is_dropped_and_logged(tmp_path):
    log = tmp_path / "log"
    kernel = Kernel(tmp_path)
    with open(log, "w") as stderr:
        kernel.manager.start_kernel(cwd=str(tmp_path), stderr=stderr)
    kernel.client = kernel.manager.blocking_client()
    kernel.client.start_channels()
    kernel.client.wait_for_ready(timeout=30)
    try:
        forger = kernel.manager.blocking_client()
        forger.session = Session(key=b"a guess", username="forger")
        forger.start_channels(shell=True, iopub=False, stdin=False, hb=False, control=True)
        forger.execute("%lab init")
        forger.shutdown()
        assert "no lab" in kernel.run("%lab status").ok()
        forger.stop_channels()
        assert not (tmp_path / "kernwerk.toml").exists()
        deadline = time.monotonic() + 10
        while log.read_text().count("its signature is wrong") < 2:
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)
    finally:
        kernel.__exit__()


def test_a_flood_of_requests_from_many(quick):
    """Four front ends ask whatever they can for some seconds; every request is answered, and the heartbeat goes on."""
    deadline = time.monotonic() + FLOOD_SECONDS
    failures = []

    def flood(seed):
        dice = random.Random(seed)
        client = quick.manager.blocking_client()
        client.session = Session(key=quick.manager.session.key)
        client.start_channels()
        try:
            client.wait_for_ready(timeout=30)
            while time.monotonic() < deadline:
                requests = [
                    dice.choice(
                        [
                            client.kernel_info,
                            client.comm_info,
                            lambda: client.complete("%lab sta", 8),
                            lambda: client.inspect("%lab", 3),
                            lambda: client.is_complete("{"),
                            lambda: client.history(hist_access_type="tail", n=2),
                            lambda: client.execute("%lab status", silent=True),
                        ]
                    )()
                    for _ in range(20)
                ]
                open_requests = set(requests)
                while open_requests:
                    message = client.get_shell_msg(timeout=60)
                    assert message["content"]["status"] in ("ok", "incomplete"), message["content"]
                    open_requests.remove(message["parent_header"]["msg_id"])
        except BaseException as error:
            failures.append(repr(error))
        finally:
            client.stop_channels()

    before = resident_megabytes(quick.pid)
    crowd = [threading.Thread(target=flood, args=(seed,)) for seed in range(4)]
    for member in crowd:
        member.start()
    beats = 0
    info = quick.manager.get_connection_info()
    context = zmq.Context()
    heart = context.socket(zmq.REQ)
    heart.connect(f"tcp://{info['ip']}:{info['hb_port']}")
    while time.monotonic() < deadline:
        heart.send(b"beat %d" % beats)
        assert heart.poll(5_000), "the heartbeat stands still"
        assert heart.recv() == b"beat %d" % beats
        beats += 1
        time.sleep(0.05)
    for member in crowd:
        member.join(timeout=120)
    heart.close(linger=0)
    context.term()
    assert not failures, failures
    assert beats > FLOOD_SECONDS
    assert resident_megabytes(quick.pid) < before + 60


SLEEP = "std::thread::sleep(std::time::Duration::from_secs(600));"


@pytest.mark.parametrize("code", ["loop { std::hint::black_box(1); }", *([SLEEP] if LONG else [])])
def test_a_restart_in_the_middle_of_a_cell(kernel, code):
    kernel.run("let gone = 1;").ok()
    kernel.send('println!("begun"); ' + code)
    while kernel.client.get_iopub_msg(timeout=60)["msg_type"] != "stream":
        pass
    begun = time.monotonic()
    kernel.manager.restart_kernel()
    kernel.client.wait_for_ready(timeout=30)
    assert time.monotonic() - begun < 15
    assert kernel.run("1 + 1").ok().strip() == "2"
    kernel.run("gone").failed("gone")


def test_a_killed_kernel_starts_again_on_the_same_files(tmp_path):
    """As when a server starts a dead kernel anew: the same connection file, and the files that the dead one could not remove."""
    kernel = Kernel(tmp_path)
    kernel.manager = KernelManager(kernel_name="kernwerk", transport="ipc", ip=str(tmp_path / "channel"))
    with kernel:
        kernel.run("%lab init").ok()
        kernel.kill()
        assert list(tmp_path.glob("channel-*")), "a killed kernel removes nothing"
        kernel.manager.restart_kernel(now=True)
        kernel.client.wait_for_ready(timeout=30)
        kernel.run("%lab status").ok()


def test_the_console_runs_cells(tmp_path):
    cells = "%lab init\nlet answer = 6 * 7;\nprintln!(\"it is {answer}\");\nnothing_of_that_name\n"
    ran = subprocess.run(
        [sys.executable, "-m", "jupyter_console", "--kernel", "kernwerk", "--simple-prompt"],
        cwd=tmp_path,
        input=cells,
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "TERM": "dumb"},
    )
    assert "it is 42" in ran.stdout, ran.stdout + ran.stderr
    assert "not found in this scope" in ran.stdout + ran.stderr
    assert (tmp_path / "kernwerk.toml").exists()
