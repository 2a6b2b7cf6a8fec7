"""Rust cells that call magics and show progress, in the installed kernel; and the guide's examples of all of it."""

import json
import os
import re
import socket
import sqlite3
import time
from pathlib import Path

import psutil
import pytest

from house import CHECKOUT, Kernel, Shell

RIDES = (
    "ride,zone,pickup,fare\n1,A,2026-03-01T08:00:00Z,2.5\n2,B,2026-03-01T09:00:00Z,4.0\n3,A,2026-03-01T10:00:00Z,1.5\n"
)
SOURCE = "feature source rides rides.csv --event-time pickup --key ride"


@pytest.fixture(scope="module")
def rides(tmp_path_factory):
    """A warm kernel whose lab has rides, loaded by a call."""
    with Kernel(tmp_path_factory.mktemp("notebook")) as kernel:
        (kernel.directory / "rides.csv").write_text(RIDES)
        kernel.run(f'let loaded = magic!("{SOURCE}")?;').ok()
        yield kernel


def last_cells(kernel, count):
    """The record of the last cells."""
    columns = ("names", "effects", "outputs")
    with sqlite3.connect(f"file:{kernel.directory}/.kernwerk/ledger.sqlite?mode=ro", uri=True) as ledger:
        rows = ledger.execute(f"SELECT {', '.join(columns)} FROM cell ORDER BY id DESC LIMIT ?", (count,)).fetchall()
    return [dict(zip(columns, map(json.loads, row))) for row in reversed(rows)]


def test_a_magic_in_a_loop(rides):
    reply = rides.run(
        'for zone in ["A", "B"] {\n'
        "    let answer = magic!(\"feature sql SELECT count(*) AS n FROM rides WHERE zone = '{zone}'\")?;\n"
        '    println!("{zone} {:?}", answer.frame()?.numbers("n")?);\n'
        "}"
    )
    assert reply.ok() == "A [Some(2.0)]\nB [Some(1.0)]\n"
    assert {kind for kind, _ in reply.outputs} == {"stream"}, "a call shows nothing by itself"


def test_an_answer_shows_itself_as_a_magic_line_would(rides):
    line = rides.run("%feature sql SELECT ride, fare FROM rides ORDER BY ride")
    call = rides.run('magic!("%%feature sql\nSELECT ride, fare FROM rides\nORDER BY ride")?')
    line.ok(), call.ok()
    assert call.outputs[0][0] == "execute_result"
    assert call.outputs[0][1]["data"] == line.outputs[0][1]["data"]
    # It lives on as a variable, and so does what is made of it.
    rides.run('let listed = magic!("feature list")?; let frame = listed.frame()?;').ok()
    assert "rides" in rides.run("listed.text()").ok()
    assert rides.run("(frame.rows(), listed.passed())").ok().strip() == "(1, true)"


def test_errors_of_magics_are_results_in_their_own_words(rides):
    words = rides.run('let missing = magic!("feature sql SELECT 1 FROM ridse")?;').failed("ridse", "did you mean", "rides")
    assert "Unknown" in words
    reply = rides.run(
        'let problem = magic!("feature lst").unwrap_err();\nprintln!("{} | {} | {}", problem.name, problem.message, problem.hint.unwrap());'
    )
    assert re.match(r"UnknownVerb \| .*lst.* \| .*list", reply.ok())
    rides.run('magic!("feature sql SELECT 1 AS one")?.frame()?.values("two")?;').failed("two", "one")
    rides.run('magic!("lab status")?.frame()?;').failed("NoTable", "without a table")


def test_the_lab_is_at_hand(rides):
    assert rides.run('lab().table("rides")?.numbers("fare")?').ok().strip() == "[Some(2.5), Some(4.0), Some(1.5)]"
    assert rides.run("lab().tables()?").ok().strip() == '["rides"]'
    assert rides.run("lab().path()?").ok().strip() == f'"{rides.directory.resolve()}"'
    rides.run('lab().table("ridse")?;').failed("ridse", "rides")


def test_a_frame_of_a_cell_has_a_name_for_magics(rides):
    define = "%%feature define busy --entity zone --event-time pickup --ttl 2h\nSELECT zone, pickup, fare AS last_fare FROM rides"
    rides.run(define).ok()
    rides.run('let late = magic!("feature sql SELECT zone, pickup FROM rides WHERE ride > 1")?.frame()?;').ok()
    rides.run('lab().give("spine", &late)?;').ok()
    assert "2 rows" in rides.run("%feature training spine --features busy --event-time pickup").ok()
    rides.run('lab().give("no name", &late)?;').failed("BadName", "no name")
    [cell] = last_cells(rides, 3)[:1]
    assert "spine" in cell["names"]["defines"], cell


def test_what_a_call_binds_is_there_for_later_cells(rides):
    rides.run('magic!("feature sql SELECT zone FROM rides ORDER BY ride -> zones")?;').ok()
    assert rides.run('zones.texts("zone")?[1].clone()').ok().strip() == 'Some("B")'


def test_calls_are_recorded_with_their_cell(rides):
    rides.run('let fares = lab().table("rides")?.numbers("fare")?;').ok()
    rides.run("let nothing = 1;").ok()
    reading, other = last_cells(rides, 2)
    assert other["effects"] == []
    [effect] = reading["effects"]
    assert (effect["access"], effect["resource"], effect["name"]) == ("read", "table", "rides")
    assert effect["version"] and effect["digest"]


def test_names_of_the_cells_own_come_first(rides):
    rides.run("fn progress(x: i32) -> i32 { x + 1 }").ok()
    assert rides.run("progress(1)").ok().strip() == "2"
    assert rides.run("{ let lab = || 5; lab() }").ok().strip() == "5"


def test_threads_call_too_and_a_cell_ends_with_them(rides):
    reply = rides.run(
        'let threads: Vec<_> = (0..4).map(|n| std::thread::spawn(move || magic!("feature sql SELECT {n} AS n").unwrap().frame().unwrap().rows())).collect();\n'
        "threads.into_iter().map(|thread| thread.join().unwrap()).sum::<usize>()"
    )
    assert reply.ok().strip() == "4"
    rides.run(
        'let late = std::thread::spawn(|| { std::thread::sleep(std::time::Duration::from_millis(300)); magic!("lab status").map(|_| ()) });'
    ).ok()
    time.sleep(1)
    rides.run('println!("{}", late.join().unwrap().unwrap_err());').ok()


def test_an_interrupt_stops_a_magic_that_a_cell_called(rides):
    rides.run("let kept = 5;").ok()
    request = rides.send(
        'println!("begun");\nmagic!("feature sql SELECT count(*) FROM range(1, 10000000) AS a, range(1, 10000000) AS b")?;'
    )
    while rides.client.get_iopub_msg(timeout=60)["msg_type"] != "stream":
        pass
    begun = time.monotonic()
    rides.manager.interrupt_kernel()
    rides.wait(request, 30).failed("interrupted")
    assert time.monotonic() - begun < 10
    # Nothing goes on behind it: the kernel rests.
    process = psutil.Process(rides.pid)
    deadline = time.monotonic() + 30
    while process.cpu_percent(interval=0.5) > 50:
        assert time.monotonic() < deadline, "the query goes on"
    assert "rides" in rides.run("%feature list").ok()


def messages(kernel, code):
    """What a cell shows, message by message."""
    kernel.send(code)
    found = []
    while not found or found[-1]["content"].get("execution_state") != "idle":
        found.append(kernel.client.get_iopub_msg(timeout=180))
    kernel.client.get_shell_msg(timeout=10)
    return [message for message in found if message["msg_type"] not in ("status", "execute_input")]


def test_progress_moves_and_stays_at_its_last_state(rides):
    sleep = "std::thread::sleep(std::time::Duration::from_millis(10));"
    shown = messages(rides, f'for n in kernwerk::progress(0..100).named("counting").unit("sheep") {{ {sleep} }}')
    kinds = [message["msg_type"] for message in shown]
    assert kinds[0] == "display_data" and set(kinds[1:]) == {"update_display_data"}
    names = {message["content"]["transient"]["display_id"] for message in shown}
    assert len(names) == 1
    texts = [message["content"]["data"]["text/plain"] for message in shown]
    assert texts[0] == "counting: 0 of 100 sheep"
    assert re.match(r"counting: \d+ of 100 sheep, [\d.]+/s, [\d.]+ s left$", texts[len(texts) // 2])
    assert re.match(r"counting: 100 of 100 sheep, [\d.]+/s, [\d.]+ s$", texts[-1])
    assert 3 <= len(texts) <= 14, texts
    assert all(set(message["content"]["data"]) == {"text/plain", "text/html"} for message in shown)
    # A loop that is left early says where.
    shown = messages(rides, "for n in kernwerk::progress(0..100) { if n == 7 { break; } }")
    assert shown[-1]["content"]["data"]["text/plain"] == "stopped at 7 of 100 items"
    shown = messages(rides, 'for n in kernwerk::progress((0..).take_while(|n| *n < 5)) { if n == 3 { panic!("stop") } }')
    assert [message["msg_type"] for message in shown] == ["display_data", "update_display_data", "error"]


def test_bars_of_one_run_and_the_next_do_not_differ_for_a_replay(rides):
    rides.run("for n in kernwerk::progress(0..3) {}").ok()
    [cell] = last_cells(rides, 1)
    assert [output["volatile"] for output in cell["outputs"]] == [True]


def test_the_socket_is_private_and_goes_with_the_kernel(tmp_path):
    with Kernel(tmp_path) as kernel:
        path = json.loads(kernel.run('std::env::var("KERNWERK_ENGINE")?').ok())
        assert os.stat(path).st_mode & 0o777 == 0o600
        assert os.stat(os.path.dirname(path)).st_mode & 0o777 == 0o700
        with socket.socket(socket.AF_UNIX) as stranger:
            stranger.settimeout(10)
            stranger.connect(path)
            call = b'{"token": "guessed", "wanted": "magic", "text": "lab init"}'
            stranger.sendall(len(call).to_bytes(4, "little") + call)
            answer = stranger.recv(4096)[4:]
        assert json.loads(answer)["answer"] == "refused"
        assert not (tmp_path / ".kernwerk").exists()
    assert not os.path.exists(path)


def test_a_cell_in_a_fresh_process_calls_as_well(rides):
    """As a proof or a replay runs it."""
    request = {
        "directory": str(rides.directory),
        "lab": str(rides.directory),
        "principal": None,
        "pins": [],
        "surroundings": {"threads": 1},
        "cells": [{"ordinal": 1, "source": 'lab().table("rides")?.rows()', "may_fail": False, "values": []}],
    }
    ran = Shell(rides.directory)("run-cells", stdin=json.dumps(request) + "\n", seconds=180)
    # Behind the outcomes stands what is told of the whole run.
    outcome = json.loads(ran.ok().splitlines()[0])
    assert outcome["status"] == "ok", ran
    assert bytes(outcome["outputs"][0]["bytes"]).decode() == "3"
    assert any(effect["name"] == "rides" and effect["access"] == "read" for effect in outcome["effects"])


def blocks(language_part):
    """The examples of the guide in order: language and text of each, from the heading on to the next of these."""
    text = (CHECKOUT / "docs" / "guide" / "rust-cells.md").read_text()
    found = re.search(rf"^## {language_part}\n(.*?)(?=^## |\Z)", text, re.M | re.S)
    return re.findall(r"^```(rust|text)\n(.*?)^```", found[1], re.M | re.S)


def test_the_examples_of_the_guide_run(tmp_path):
    with Kernel(Path(tmp_path)) as kernel:
        (kernel.directory / "rides.csv").write_text(RIDES)
        count = 0
        for part in ("Tables from magics", "Magics in Rust code", "Progress", "Displays"):
            for _, text in blocks(part):
                kernel.run(text).ok()
                count += 1
        assert count >= 8, "the guide has lost examples, or its headings their names"
