"""Help while typing and the verbs of `%kernel`, in the installed kernel: also while a cell runs."""

import queue
import re
import time

import pytest

RIDES = "ride,zone,pickup\n1,A,2026-03-01T08:00:00Z\n2,B,2026-03-01T09:00:00Z\n"


def complete(kernel, code, cursor=None):
    """What may stand at the cursor, by text: its kind."""
    cursor = len(code) if cursor is None else cursor
    content = kernel.client.complete(code, cursor, reply=True, timeout=60)["content"]
    described = content["metadata"]["_jupyter_types_experimental"]
    assert [one["text"] for one in described] == content["matches"]
    assert all((one["start"], one["end"]) == (content["cursor_start"], content["cursor_end"]) for one in described)
    return {one["text"]: one["type"] for one in described}


def inspect(kernel, code, cursor):
    content = kernel.client.inspect(code, cursor, reply=True, timeout=60)["content"]
    return content["data"]["text/plain"] if content["found"] else None


def send_as_cell(kernel, cell, code):
    """Sends a cell with the identity that JupyterLab gives it."""
    content = {"code": code, "silent": False, "store_history": True, "allow_stdin": False, "stop_on_error": True}
    message = kernel.client.session.msg("execute_request", content)
    message["metadata"] = {"cellId": cell}
    kernel.client.shell_channel.send(message)
    return message["header"]["msg_id"]


def run_as_cell(kernel, cell, code):
    return kernel.wait(send_as_cell(kernel, cell, code))


def stderr(reply):
    return "".join(content["text"] for kind, content in reply.outputs if kind == "stream" and content["name"] == "stderr")


def test_help_while_a_cell_runs(warm):
    warm.run('let planets = vec![String::from("Mars")];\n/// Counts what there is.\nfn tally(of: &[String]) -> usize { of.len() }').ok()
    running = warm.directory / "running"
    running.write_text("")
    cell = warm.send('while std::path::Path::new("running").exists() {\n    print!(".");\n    std::thread::sleep(std::time::Duration::from_millis(10));\n}\nplanets.len()')

    def dots(at_least):
        """Waits until the running cell has shown so many dots."""
        seen, deadline = 0, time.monotonic() + 60
        while seen < at_least:
            assert time.monotonic() < deadline, "the cell's output stopped"
            try:
                message = warm.client.get_iopub_msg(timeout=0.5)
            except queue.Empty:
                continue
            if message["parent_header"].get("msg_id") == cell:
                assert message["content"].get("execution_state") != "idle", "the cell has ended"
                seen += message["content"].get("text", "").count(".") if message["msg_type"] == "stream" else 0

    dots(1)
    assert complete(warm, "planets.is_em")["is_empty"] == "function"
    assert complete(warm, "plan")["planets"] == "instance"
    assert "fn tally" in inspect(warm, "tally(&planets)", 3)
    assert "Vec<String>" in inspect(warm, "planets.len()", 3)
    assert complete(warm, "%kernel st") == {"stale": "verb"}
    dots(20)
    running.unlink()
    assert warm.wait(cell).ok().strip().endswith("1")


def test_completion_knows_the_lab_and_what_magics_bound(warm):
    (warm.directory / "rides.csv").write_text(RIDES)
    warm.run("%feature source rides_of_march rides.csv --event-time pickup").ok()
    warm.run("%feature sql SELECT ride, zone FROM rides_of_march ORDER BY ride -> march_frame").ok()
    assert complete(warm, "%ker") == {"%kernel": "magic"}
    assert complete(warm, "%feature show rides_o") == {"rides_of_march": "table"}
    assert complete(warm, "let x = march_f")["march_frame"] == "table"
    assert "2 rows" in inspect(warm, "march_frame", 3) and "zone: " in inspect(warm, "march_frame", 3)
    assert complete(warm, "std::collections::HashM")["HashMap"] == "class"
    assert "println!" in complete(warm, "printl")


def test_inspection_shows_the_value_that_a_cell_has_shown(warm):
    warm.run("let mut shown = vec![1, 2];\nshown").ok()
    assert "[1, 2]" in inspect(warm, "shown", 2)
    warm.run("shown.push(3);").ok()
    assert "Vec<i32>" in inspect(warm, "shown", 2) and "[1, 2]" not in inspect(warm, "shown", 2)
    assert "%lab status" in inspect(warm, "%lab status", 6)


def test_vars_and_timing(warm):
    made = warm.run("let radius = 3.5;\nlet names = vec![String::new()];")
    made.ok()
    listed = warm.run("%kernel vars").ok()
    count = made.content["execution_count"]
    assert re.search(rf"\bradius\s+f64\b.*In \[{count}\]", listed), listed
    assert re.search(rf"\bnames\s+Vec<String>.*In \[{count}\]", listed), listed
    timed = warm.run("%kernel timing --last 1").ok()
    assert re.search(rf"In \[{count}\]", timed) and "total" in timed, timed
    warm.run("%kernel vras").failed("did you mean `vars`")
    warm.run("%kernel vars -> v").failed("no table")


def test_stale_cells_are_named_and_a_stale_read_is_told(warm):
    run_as_cell(warm, "a", "let base = 1;").ok()
    made = run_as_cell(warm, "b", "let derived = base + 1;")
    made.ok()
    assert stderr(run_as_cell(warm, "c", 'println!("{derived}");')) == ""
    again = run_as_cell(warm, "a", "let base = 41;")
    again.ok()
    listed = warm.run("%kernel stale").ok()
    counts = made.content["execution_count"], again.content["execution_count"]
    assert re.search(rf"In \[{counts[0]}\].*`base`.*In\[{counts[1]}\]", listed), listed
    reply = run_as_cell(warm, "c", 'println!("{derived}");')
    assert reply.ok().count("2\n") == 1
    assert len(stderr(reply).splitlines()) == 1 and "`derived` is stale" in stderr(reply), stderr(reply)
    warm.run("%kernel stale --quiet").ok()
    assert stderr(run_as_cell(warm, "c", 'println!("{derived}");')) == ""
    warm.run("%kernel stale --tell").ok()
    run_as_cell(warm, "b", "let derived = base + 1;").ok()
    assert stderr(run_as_cell(warm, "c", 'println!("{derived}");')) == ""
    assert "no cell is stale" in warm.run("%kernel stale").ok()


def test_a_crate_is_added(warm):
    warm.run("%kernel dep add ./mine").failed("cannot be the name of a crate")
    warm.run("%kernel dep add a b --features c").failed("which of the crates")
    reply = warm.run("%kernel dep add no-such-crate-of-kernwerk@1")
    reply.failed("no matching package", "no-such-crate-of-kernwerk")
    assert "Updating" not in reply.content["evalue"], reply.content
    warm.run("%kernel dep add itoa@1").ok()
    assert warm.run("itoa::Buffer::new().format(7).to_owned()").ok().strip() == '"7"'


def test_an_error_keeps_its_colours_and_offers_the_corrected_cell(warm):
    reply = warm.run('// a comment\nlet text: String = "a";\nlet last = 3;')
    reply.failed("mismatched types", "cell:2:20", '// a comment\nlet text: String = "a".to_string();\nlet last = 3;')
    traceback = "\n".join(reply.content["traceback"])
    assert "\x1b[1m" in traceback and "\x1b" not in reply.content["evalue"]


@pytest.mark.parametrize("code", ["planets.", "let x = ;", "}{", "é.", "%", "%kernel ", ":dep ", "use "])
def test_no_text_breaks_the_help(warm, code):
    complete(warm, code)
    inspect(warm, code, len(code))
    assert warm.run("1 + 1").ok().strip() == "2"
