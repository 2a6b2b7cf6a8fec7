"""Widgets of Rust cells, against ipywidgets' own models and in notebooks that are run without a browser."""

import subprocess
import sys
import time

import ipywidgets
import nbformat
import pytest

VIEW = "application/vnd.jupyter.widget-view+json"
CLASSES = {
    "FloatProgressModel": ipywidgets.FloatProgress,
    "LabelModel": ipywidgets.Label,
    "HTMLModel": ipywidgets.HTML,
    "TextModel": ipywidgets.Text,
    "LayoutModel": ipywidgets.Layout,
    "ProgressStyleModel": type(ipywidgets.FloatProgress().style),
    "LabelStyleModel": type(ipywidgets.Label().style),
    "HTMLStyleModel": type(ipywidgets.HTML().style),
    "TextStyleModel": type(ipywidgets.Text().style),
}
CELL = """
let bar = kernwerk::widgets::Progress::labelled(40, "embedding");
let label = kernwerk::widgets::Label::new("a <label>");
let html = kernwerk::widgets::Html::new("<b>bold</b>");
let city = kernwerk::widgets::Text::new("city", "Hamburg");
"""


def messages(kernel, request, seconds=180):
    """Everything published about a request, up to its end."""
    heard = []
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        message = kernel.client.get_iopub_msg(timeout=seconds)
        if message["parent_header"].get("msg_id") == request:
            heard.append(message)
            if message["content"].get("execution_state") == "idle":
                return heard
    raise AssertionError("the cell did not end in time")


def run(kernel, code):
    request = kernel.send(code)
    heard = messages(kernel, request)
    reply = kernel.client.get_shell_msg(timeout=60)
    assert reply["content"]["status"] == "ok", reply["content"]
    return heard


def of_type(heard, msg_type):
    return [message["content"] for message in heard if message["msg_type"] == msg_type]


@pytest.fixture(scope="module")
def shown(warm):
    """The widgets' states by comm, and their displays."""
    heard = run(warm, CELL)
    opened = [message for message in heard if message["msg_type"] == "comm_open"]
    assert {message["metadata"]["version"] for message in opened} == {ipywidgets._version.__protocol_version__}
    states = {message["content"]["comm_id"]: message["content"]["data"]["state"] for message in opened}
    # The first cell that needs the prelude also shows how its compiling goes.
    return states, [display for display in of_type(heard, "display_data") if VIEW in display["data"]]


def test_every_model_is_one_of_ipywidgets(shown):
    states, displays = shown
    assert len(states) == 12 and len(displays) == 4
    for state in states.values():
        widget = CLASSES[state["_model_name"]]()
        theirs = widget.get_state()
        assert set(state) <= set(theirs), set(state) - set(theirs)
        for name in state:
            if name.startswith("_model") or name.startswith("_view_"):
                if name != "_view_count":
                    assert state[name] == theirs[name], name
            elif name in ("layout", "style"):
                assert state[name].removeprefix("IPY_MODEL_") in states
            else:
                # Their own check of types.
                setattr(widget, name, state[name])


def test_every_display_names_its_model_and_says_it_in_words(shown):
    states, displays = shown
    texts = [display["data"]["text/plain"] for display in displays]
    assert texts == ["embedding: 0 of 40", "a <label>", "<b>bold</b>", "city: Hamburg"]
    assert "a &lt;label&gt;" in displays[1]["data"]["text/html"]
    for display in displays:
        assert states[display["data"][VIEW]["model_id"]]["_view_name"].endswith("View")


def test_a_bar_moves_while_its_cell_runs(warm, shown):
    states, _ = shown
    (bar,) = [comm for comm, state in states.items() if state["_model_name"] == "FloatProgressModel"]
    request = warm.send("for step in 1..=40 { bar.set(step); std::thread::sleep(std::time::Duration::from_millis(50)); }")
    moved = []
    ended = None
    while ended is None:
        message = warm.client.get_iopub_msg(timeout=60)
        if message["msg_type"] == "comm_msg" and message["content"]["comm_id"] == bar:
            moved.append(message["content"]["data"]["state"]["value"])
        if message["parent_header"].get("msg_id") == request and message["content"].get("execution_state") == "idle":
            ended = True
    warm.client.get_shell_msg(timeout=60)
    assert len(moved) > 5 and moved == sorted(moved) and moved[-1] == 40, moved


def test_a_cell_reads_what_was_typed(warm, shown):
    states, _ = shown
    (city,) = [comm for comm, state in states.items() if state["_model_name"] == "TextModel"]
    assert warm.run("city.value()").ok().strip() == '"Hamburg"'
    content = {"comm_id": city, "data": {"method": "update", "state": {"value": 'Ki"el\nü'}, "buffer_paths": []}}
    message = warm.client.session.msg("comm_msg", content)
    warm.client.shell_channel.send(message)
    echoed = of_type(messages(warm, message["header"]["msg_id"]), "comm_msg")
    assert [said["data"]["method"] for said in echoed] == ["echo_update"]
    assert warm.run("println!(\"{}\", city.value());").ok() == 'Ki"el\nü\n'


def test_a_million_steps_are_few_messages(warm):
    heard = run(warm, "let long = kernwerk::widgets::Progress::new(1_000_000); for step in 0..=1_000_000 { long.set(step); }")
    assert len(heard) < 400, len(heard)
    assert of_type(heard, "update_display_data")[-1]["data"]["text/plain"] == "1000000 of 1000000"


def test_a_notebook_keeps_widgets_and_their_words(tmp_path):
    book = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(CELL + "bar.set(40);"), nbformat.v4.new_code_cell("city.value()")]
    )
    book.metadata["kernelspec"] = {"name": "kernwerk", "display_name": "Kernwerk (Rust)", "language": "rust"}
    nbformat.write(book, tmp_path / "book.ipynb")
    command = [sys.executable, "-m", "nbconvert", "--to", "notebook", "--execute", "--inplace", "book.ipynb"]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert ran.returncode == 0, ran.stderr
    book = nbformat.read(tmp_path / "book.ipynb", as_version=4)
    nbformat.validate(book)
    first, second = (cell.outputs for cell in book.cells)
    assert first[0].data["text/plain"] == "embedding: 40 of 40"
    assert second[0].data["text/plain"] == '"Hamburg"'
    kept = book.metadata["widgets"]["application/vnd.jupyter.widget-state+json"]["state"]
    assert kept[first[0].data[VIEW]["model_id"]]["state"]["value"] == 40
