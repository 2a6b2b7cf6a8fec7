"""Cells in the installed kernel: order, results, errors and crashes of Rust, floods, questions to the user."""

import os
import re

RIDES = "ride,zone,pickup\n1,A,2026-03-01T08:00:00Z\n2,B,2026-03-01T09:00:00Z\n"


def kinds(reply):
    return [kind for kind, _ in reply.outputs]


def test_magics_and_rust_run_in_the_order_of_the_cell(warm):
    reply = warm.run('println!("first");\n%lab status\nprintln!("third");\n6 * 7')
    reply.ok()
    assert kinds(reply) == ["stream", "display_data", "stream", "execute_result"]
    data = reply.outputs[1][1]["data"]
    assert set(data) == {"text/plain", "text/html"}
    assert reply.outputs[3][1]["data"]["text/plain"] == "42"


def test_variables_live_from_cell_to_cell(warm):
    warm.run("let mut numbers = vec![1, 2]; fn twice(x: i32) -> i32 { 2 * x }").ok()
    warm.run("numbers.push(twice(4));").ok()
    assert warm.run("numbers").ok().strip() == "[1, 2, 8]"


def test_it_is_said_once_that_a_static_begins_anew(warm):
    made = warm.run("use std::sync::atomic::{AtomicU32, Ordering};\nstatic COUNTED: AtomicU32 = AtomicU32::new(0);\nfn count() -> u32 { COUNTED.fetch_add(1, Ordering::SeqCst) + 1 }\ncount() + count()")
    assert made.ok().strip() == "3"
    told = warm.run("count()").ok()
    cell = made.content["execution_count"]
    assert f"the static `COUNTED` of In[{cell}], which `count` uses, begins anew in each cell" in told and told.strip().endswith("\n1"), told
    assert warm.run("count()").ok().strip() == "1"


def test_a_table_of_a_magic_is_a_variable_of_rust(warm):
    (warm.directory / "rides.csv").write_text(RIDES)
    warm.run("%feature source rides rides.csv --event-time pickup --key ride").ok()
    warm.run("%feature sql SELECT ride, zone FROM rides ORDER BY ride -> rides_frame").ok()
    assert warm.run("rides_frame.rows()").ok().strip() == "2"
    # It is bound once, and stays bound.
    assert warm.run("rides_frame.rows() + 1").ok().strip() == "3"


def test_a_compile_error_names_the_line_of_the_cell(warm):
    reply = warm.run('%lab status\n\nlet fine = 1;\nlet wrong: i32 = "text";')
    words = reply.failed("mismatched types")
    assert reply.content["ename"] == "CompileError"
    assert reply.content["evalue"].startswith("line 4: "), words
    assert re.search(r"\b4\b.*let wrong", words), words
    # Nothing of the failed cell's variables is there, and nothing else is lost.
    warm.run("let kept = 5;").ok()
    warm.run("let x = missing_name;").failed("missing_name")
    assert warm.run("kept").ok().strip() == "5"


def test_an_unfinished_cell_is_refused_as_a_whole(warm):
    for code, place in [("let half = 1;;; let b = ", "1:24"), ("let half = 1;\nfor i in 0..3 {", "2:15")]:
        reply = warm.run(code)
        words = reply.failed("the cell is not finished")
        assert f"--> cell:{place}" in words, words
        assert warm.run("half").failed("cannot find value")


def test_it_is_said_where_a_missing_variable_went(warm):
    reply = warm.run("let taken = vec![1]; let moved = vec![2];")
    reply.ok()
    made = reply.content["execution_count"]
    warm.run("drop(moved);").ok()
    warm.run('let held = taken; panic!("on the way");').failed("on the way")
    words = warm.run("taken.len() + moved.len()").failed("cannot find value")
    assert f"`taken` of In[{made}] is gone since In[{made + 2}], which did not come to its end" in words, words
    assert f"`moved` of In[{made}] is gone since In[{made + 1}], which took it" in words, words
    words = warm.run("let other = nowhere_made;").failed("cannot find value")
    assert "is gone since" not in words, words
    # Neither taken nor read: the cell was to make it anew.
    made = warm.run("let again = 1;").content["execution_count"]
    warm.run("again + 1").ok()
    warm.run('let again: i32 = "x1".parse::<i32>()?;').failed("invalid digit")
    words = warm.run("again").failed("cannot find value")
    assert f"`again` of In[{made}] is gone since In[{made + 2}], which did not come to its end" in words, words


def test_a_panic_is_an_error_and_its_text_stands_there_alone(warm):
    reply = warm.run('println!("before");\nlet none: Option<i32> = None;\nnone.expect("there was nothing in it");')
    reply.failed("there was nothing in it")
    assert reply.content["ename"] == "Panic"
    assert kinds(reply) == ["stream", "error"]
    assert reply.outputs[0][1]["text"] == "before\n"


def test_a_question_mark_that_meets_an_error_is_an_error(warm):
    reply = warm.run('let number: i32 = "x1".parse::<i32>()?;')
    reply.failed("invalid digit")
    assert warm.run("1 + 1").ok().strip() == "2"


def test_a_crash_leaves_the_kernel_and_the_lab(kernel):
    (kernel.directory / "rides.csv").write_text(RIDES)
    kernel.run("%feature source rides rides.csv --event-time pickup --key ride").ok()
    kernel.run("%feature sql SELECT ride FROM rides -> frame").ok()
    assert kernel.run("frame.rows()").ok().strip() == "2"
    for code in ["let address = std::hint::black_box(8usize) as *mut i32; unsafe { *address = 1; }", "std::process::abort();", "std::process::exit(3);"]:
        reply = kernel.run(code)
        reply.failed()
        assert reply.content["ename"] == "Crash", reply.content
        assert "rides" in kernel.run("%feature list").ok()
        assert kernel.run("1 + 1").ok().strip() == "2"
        # What a magic bound can be bound again.
        assert kernel.run("frame.rows()").ok().strip() == "2"


def test_a_failed_cell_stops_those_that_wait(warm):
    requests = [warm.send(code) for code in ["%nothing", 'println!("never");', "%lab status"]]
    replies = [warm.wait(request) for request in requests]
    assert [reply.status for reply in replies] == ["error", "aborted", "aborted"]
    assert warm.run("1 + 1").ok().strip() == "2"


def test_a_flood_takes_no_memory(warm):
    def peak_megabytes():
        status = open(f"/proc/{warm.pid}/status").read()
        return int(re.search(r"VmHWM:\s*(\d+) kB", status)[1]) / 1000

    before = peak_megabytes()
    code = 'let line = "y".repeat(99); for _ in 0..1_000_000 { println!("{line}"); }\nprintln!("the end");'
    text = warm.run(code, seconds=300).ok()
    assert text.endswith("the end\n")
    assert "were left out" in text
    assert peak_megabytes() < before + 250


def test_text_comes_while_the_cell_runs(warm):
    request = warm.send('print!("no newline yet"); std::thread::sleep(std::time::Duration::from_secs(3));')
    seen = []
    while not any(kind == "stream" for kind in seen):
        message = warm.client.get_iopub_msg(timeout=2.5)
        seen.append(message["msg_type"])
    assert message["content"]["text"] == "no newline yet"
    assert warm.wait(request).status == "ok"


def test_a_question_to_the_user(warm):
    request = warm.client.execute('let name = kernwerk::input("name? ").unwrap();\nprintln!("hello, {name}");', allow_stdin=True)
    question = warm.client.get_stdin_msg(timeout=60)
    assert question["content"] == {"prompt": "name? ", "password": False}
    warm.client.input("Ada")
    assert "hello, Ada" in warm.wait(request).ok()
    # A front end that cannot answer is not waited for.
    request = warm.client.execute('kernwerk::input("name? ").is_err()', allow_stdin=False)
    assert warm.wait(request, 60).ok().strip() == "true"


def test_outputs_are_replaced_and_cleared(warm):
    request = warm.send(
        'kernwerk::display_as("bar", &[("text/plain", "half")]);\nkernwerk::update_display("bar", &[("text/plain", "whole")]);\n'
        'kernwerk::clear_output(true);\nprintln!("new");'
    )
    messages = []
    while not messages or messages[-1]["content"].get("execution_state") != "idle":
        messages.append(warm.client.get_iopub_msg(timeout=60))
    shown = [message for message in messages if message["msg_type"] not in ("status", "execute_input")]
    assert [message["msg_type"] for message in shown] == ["display_data", "update_display_data", "clear_output", "stream"]
    assert shown[0]["content"]["transient"] == shown[1]["content"]["transient"] == {"display_id": "bar"}
    assert shown[2]["content"] == {"wait": True}
    warm.client.get_shell_msg(timeout=10)
    assert request


def test_files_are_those_of_the_notebooks_directory(warm):
    warm.run('std::fs::write("made.txt", "by a cell").unwrap();').ok()
    assert (warm.directory / "made.txt").read_text() == "by a cell"
    assert os.listdir(warm.directory)


def test_a_variable_of_a_type_that_was_edited_is_there_again_when_its_cell_runs_again(warm):
    warm.run("struct Parcel { weight: u32 }").ok()
    warm.run("let parcel = Parcel { weight: 9 };").ok()
    edited = warm.run('struct Parcel { weight: u32, name: &\'static str }')
    edited.ok()
    assert "the variable parcel is lost" in edited.text()
    warm.run('let parcel = Parcel { weight: 9, name: "a" };').ok()
    assert "a 9" in warm.run('println!("{} {}", parcel.name, parcel.weight);').ok()
