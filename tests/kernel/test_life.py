"""The life of the installed kernel: how it starts, is interrupted, restarts and ends, and what it leaves behind."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import time

import psutil
from jupyter_client.manager import KernelManager

from house import Kernel

LOOP = "let mut number = 0u64; loop { number = std::hint::black_box(number + 1); }"


def until(condition, seconds=10):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def test_the_kernel_answers_within_a_second_of_its_start(tmp_path):
    times = []
    for _ in range(3):
        kernel = Kernel(tmp_path)
        begun = time.monotonic()
        kernel.manager.start_kernel(cwd=str(tmp_path))
        client = kernel.manager.blocking_client()
        client.start_channels()
        client.kernel_info(reply=True, timeout=30)
        times.append(time.monotonic() - begun)
        client.stop_channels()
        kernel.manager.shutdown_kernel()
    # One slow start may be the machine's; three are the kernel's.
    assert min(times) < 1, times


def test_channels_may_be_files(tmp_path):
    """The way to choose where nobody else on the machine is to listen: TCP has no encryption here."""
    kernel = Kernel(tmp_path)
    kernel.manager = KernelManager(kernel_name="kernwerk", transport="ipc", ip=str(tmp_path / "channel"))
    with kernel:
        assert "no lab" in kernel.run("%lab status").ok()
        assert list(tmp_path.glob("channel-*"))
    until(lambda: not list(tmp_path.glob("channel-*")))


def interrupted(kernel, interrupt):
    """Runs an endless cell, interrupts it, and gives its reply and how long that took."""
    request = kernel.send('println!("begun");\n' + LOOP)
    while kernel.client.get_iopub_msg(timeout=60)["msg_type"] != "stream":
        pass
    begun = time.monotonic()
    interrupt()
    reply = kernel.wait(request, 30)
    return reply, time.monotonic() - begun


def test_an_interrupt_stops_a_rust_cell(warm):
    for interrupt in (warm.manager.interrupt_kernel, lambda: os.kill(warm.pid, signal.SIGINT)):
        reply, seconds = interrupted(warm, interrupt)
        reply.failed("interrupted")
        assert reply.content["ename"] == "Interrupted"
        assert seconds < 5, seconds
        assert warm.run("1 + 1").ok().strip() == "2"


def test_an_interrupt_stops_a_magic_and_leaves_the_lab(kernel):
    rows = "\n".join(f"{number},2026-03-01T08:00:00Z" for number in range(5000))
    (kernel.directory / "rides.csv").write_text("ride,pickup\n" + rows + "\n")
    kernel.run("%feature source rides rides.csv --event-time pickup --key ride").ok()
    endless = "%feature sql SELECT count(*) AS n FROM rides a, rides b, rides c WHERE a.ride + b.ride < c.ride"
    for interrupt in (kernel.manager.interrupt_kernel, lambda: os.kill(kernel.pid, signal.SIGINT)):
        request = kernel.send(endless)
        time.sleep(1)
        begun = time.monotonic()
        interrupt()
        kernel.wait(request, 30).failed("interrupted")
        assert time.monotonic() - begun < 3
        assert "5000" in kernel.run("%feature sql SELECT count(*) AS n FROM rides").ok()


def test_an_interrupt_of_an_idle_kernel_does_nothing(warm):
    warm.manager.interrupt_kernel()
    os.kill(warm.pid, signal.SIGINT)
    # Neither way has an answer to wait for, and one that comes late would rightly hit the next cell.
    time.sleep(1)
    assert warm.run("2 + 2").ok().strip() == "4"


def test_a_restart_forgets_the_variables(kernel):
    kernel.run("let gone = 1;").ok()
    kernel.manager.restart_kernel()
    kernel.client.wait_for_ready(timeout=30)
    kernel.run("gone").failed("gone")


def test_a_shutdown_leaves_nothing_behind(tmp_path):
    with Kernel(tmp_path) as kernel:
        kernel.run("1 + 1").ok()
        family = [psutil.Process(kernel.pid), *psutil.Process(kernel.pid).children(recursive=True)]
        assert len(family) > 1
    gone, alive = psutil.wait_procs(family, timeout=5)
    assert not alive, alive


def test_the_kernel_ends_with_who_started_it(tmp_path):
    """As when Jupyter's server is killed: it cannot tell the kernel any more."""
    script = textwrap.dedent("""
        import json, os, sys, time
        from jupyter_client.manager import KernelManager
        manager = KernelManager(kernel_name="kernwerk")
        manager.start_kernel(cwd=sys.argv[1])
        client = manager.blocking_client()
        client.start_channels()
        client.wait_for_ready(timeout=30)
        client.execute("1 + 1", reply=True, timeout=180)
        print(manager.provisioner.pid, flush=True)
        time.sleep(600)
    """)
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    server = subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], text=True, **pipes)
    pid = int(server.stdout.readline())
    family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    server.kill()
    server.wait(timeout=10)
    # Nobody reads the kernel's last words.
    server.stdout.close()
    server.stderr.close()
    gone, alive = psutil.wait_procs(family, timeout=10)
    assert not alive, alive


def test_a_killed_kernel_takes_its_children_along(kernel):
    kernel.run("1 + 1").ok()
    children = psutil.Process(kernel.pid).children(recursive=True)
    assert children
    kernel.kill()
    gone, alive = psutil.wait_procs(children, timeout=5)
    assert not alive, alive


def test_a_request_for_cells_is_answered_line_by_line(tmp_path):
    """`kernwerk run-cells`, which promotion proves and replays with."""
    request = {
        "directory": str(tmp_path),
        "lab": str(tmp_path),
        "principal": None,
        "pins": [],
        "surroundings": {"threads": 1},
        "cells": [
            {"ordinal": 1, "source": 'println!("one"); let x = 41;'},
            {"ordinal": 2, "source": "%lab status\nx + 1"},
            {"ordinal": 3, "source": 'panic!("expected")', "may_fail": True},
            {"ordinal": 4, "source": "x"},
            {"ordinal": 5, "source": 'panic!("five")'},
            {"ordinal": 6, "source": "1"},
        ],
    }
    program = os.path.join(sys.prefix, "bin", "kernwerk")
    ran = subprocess.run([program, "run-cells"], input=json.dumps(request) + "\n", capture_output=True, text=True, timeout=180)
    assert ran.returncode == 0, ran.stderr
    outcomes = [json.loads(line) for line in ran.stdout.splitlines()]
    assert [(outcome["ordinal"], outcome["status"]) for outcome in outcomes] == [
        (1, "ok"),
        (2, "ok"),
        (3, "error"),
        (4, "ok"),
        (5, "error"),
    ]

    def shown(outcome):
        return [(output["channel"], output["format"], bytes(output["bytes"]).decode()) for output in outcome["outputs"]]

    assert shown(outcomes[0]) == [("stdout", "txt", "one\n")]
    assert shown(outcomes[1])[-1] == ("result", "txt", "42")
    assert shown(outcomes[3])[-1] == ("result", "txt", "41")
    assert shown(outcomes[4])[-1][0] == "error"
    assert "five" in shown(outcomes[4])[-1][2]


def test_a_wrong_request_for_cells_is_named():
    program = os.path.join(sys.prefix, "bin", "kernwerk")
    ran = subprocess.run([program, "run-cells"], input="nonsense\n", capture_output=True, text=True, timeout=60)
    assert ran.returncode != 0
    assert ran.stdout == ""
    assert "request for cells" in ran.stderr
