"""Notebooks that nobody published, run by real kernels and replayed: what agrees, what is seen where something else is stored, and
what is told where it cannot be decided."""

import base64
import io
import json
import os
import random
import shutil
import signal
import time
from pathlib import Path

import nbformat
import numpy
import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from PIL import Image, PngImagePlugin

from artifact import assert_differs, assert_not_run
from house import Kernel, Shell

# What a run is given in place of it, where nothing else is said.
RIDES = "ride,zone,pickup,fare\n1,1,2026-03-01T08:00:00Z,12.5\n2,2,2026-03-01T08:10:00Z,7.25\n3,1,2026-03-01T08:20:00Z,9.75\n"

RUST = {
    "source": "%feature source rides rides.csv --event-time pickup --key ride",
    "fares": '%feature sql "SELECT zone, avg(fare) AS fare FROM rides GROUP BY zone ORDER BY zone" -> fares',
    "zones": '%feature sql "SELECT * FROM zones ORDER BY zone"',
    "total": """let total: f64 = fares.numbers("fare")?.into_iter().flatten().sum();
println!("total {total}");
eprintln!("a warning");
std::fs::write("total.txt", total.to_string())?;
std::fs::read_to_string("total.txt")?""",
    "json": 'kernwerk::display_json(r#"{"b": [1, 2.5], "a": "x"}"#);',
    "list": "%feature list",
    "place": 'println!("{}", std::env::current_dir()?.display());',
    "error": 'Err::<(), _>("no such zone")?;',
}
PYTHON = {
    "number": "import json, math\nx = sum(math.sqrt(n) for n in range(10))\nx",
    "print": "print('rows: 3')\nprint('mean 0.30000000000000004')",
    "json": "from IPython.display import JSON, display\ndisplay(JSON({'b': [1, 2], 'a': 0.5}))",
    "table": "from IPython.display import HTML\nHTML('<table><tr><td>12.5</td></tr></table>')",
    "picture": "from IPython.display import Image\nImage(open('one.png', 'rb').read())",
    "object": "class Thing: pass\nThing()",
    "time": "%%time\nprint('timed')",
    "bar": "import sys\nfor part in range(3): print(f'\\r{part} of 3', end='')\nprint(file=sys.stderr, end='on its way')",
    "silent": "y = 3",
}


def notebook_of(cells: dict | list, name="kernwerk") -> nbformat.NotebookNode:
    texts = cells.values() if isinstance(cells, dict) else cells
    notebook = new_notebook(cells=[new_markdown_cell("# About"), *map(new_code_cell, texts)])
    language = "rust" if name == "kernwerk" else "python"
    notebook.metadata.kernelspec = {"name": name, "display_name": name, "language": language}
    return notebook


def execute(path: Path, notebook: nbformat.NotebookNode) -> Path:
    """Runs a notebook by its kernel as `nbconvert --execute` does, and writes it with what its cells showed."""
    options = {"resources": {"metadata": {"path": str(path.parent)}}, "timeout": 300, "allow_errors": True}
    NotebookClient(notebook, kernel_name=notebook.metadata.kernelspec.name, **options).execute()
    nbformat.write(notebook, path)
    return path


def code_cells(notebook) -> list:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def png(pixels, mode=None, words=None, **options) -> bytes:
    image = Image.fromarray(numpy.asarray(pixels, dtype=numpy.uint8)) if mode is None else Image.fromarray(numpy.asarray(pixels, dtype=numpy.uint8)).convert(mode)
    info = PngImagePlugin.PngInfo()
    if words:
        info.add_text("Creation Time", words)
    held = io.BytesIO()
    image.save(held, "PNG", pnginfo=info, **options)
    return held.getvalue()


def snapshot(directory: Path) -> dict:
    """What is in a directory, but for the record that the shell's own calls leave."""
    files = [path for path in directory.rglob("*") if path.is_file() and ".kernwerk" not in path.relative_to(directory).parts[:1]]
    data = [path for kind in ("tables", "corpora") for path in (directory / ".kernwerk" / kind).rglob("*") if path.is_file()]
    return {str(path.relative_to(directory)): path.read_bytes() for path in files + data}


class Place(Shell):
    """A directory with a notebook."""

    notebook = "nb.ipynb"

    def replay(self, *words, **options):
        return self("promote", "replay", self.notebook, *words, seconds=300, **options)

    def rows(self, *words) -> list:
        """What a replay says of each cell."""
        return json.loads(self.replay("--format", "json", *words).stdout)

    def read(self):
        return nbformat.read(self.directory / self.notebook, as_version=4)

    def change(self, change):
        """Changes what is stored."""
        notebook = self.read()
        change(notebook)
        nbformat.write(notebook, self.directory / self.notebook)


@pytest.fixture(scope="module")
def rust(tmp_path_factory):
    """A notebook of Rust and magics that ran twice in its lab, beside a table that it does not make."""
    root = tmp_path_factory.mktemp("rust") / "project"
    root.mkdir()
    place = Place(root)
    place.write("rides.csv", RIDES)
    place.write("zones.csv", "zone,name\n1,Harbour\n2,Station\n")
    place("lab", "init").ok()
    place("feature", "source", "zones", "zones.csv").ok()
    execute(root / "nb.ipynb", notebook_of(RUST))
    return place


@pytest.fixture(scope="module")
def python_original(tmp_path_factory):
    root = tmp_path_factory.mktemp("python") / "project"
    root.mkdir()
    place = Place(root)
    pixels = numpy.arange(5 * 7 * 3).reshape(5, 7, 3)
    place.write("one.png", png(pixels))
    execute(root / "nb.ipynb", notebook_of(PYTHON, "python3"))
    return place


@pytest.fixture
def python(python_original, tmp_path):
    """The notebook of Python, for one test to spoil."""
    elsewhere = tmp_path / "project"
    shutil.copytree(python_original.directory, elsewhere)
    return Place(elsewhere)


def place_of(names: dict, name: str) -> int:
    return list(names).index(name) + 1


def test_a_notebook_of_rust_agrees_and_nothing_changes(rust):
    before = snapshot(rust.directory)
    assert before["total.txt"] and any("tables/rides.lance" in name for name in before)
    report = rust.replay("--format", "json")
    assert report.code == 0, report.stdout + report.stderr
    assert "nb.ipynb replays: all" in report.stderr and "results are identical" in report.stderr
    # The tables that it makes are made anew; the one that was there is read as it is.
    rows = dict(zip(RUST, json.loads(report.stdout), strict=True))
    assert [rows[name]["agreement"] for name in ("source", "fares", "zones", "json", "error")] == ["identical"] * 5
    assert rows["total"]["agreement"] == "identical, in part not compared"
    assert rows["total"]["not compared"] == "what it wrote to standard error"
    assert rows["list"]["agreement"] == "not compared" and "another in each run" in rows["list"]["not compared"]
    # It ran in a copy, and says so in no result.
    assert rows["place"]["agreement"] == "identical after canonicalisation"
    assert snapshot(rust.directory) == before
    assert not list((rust.directory / ".kernwerk" / "tmp").rglob("kernwerk-run-*"))


def test_a_planted_number_of_rust_is_named(rust, tmp_path):
    place = Place(tmp_path / "project")
    shutil.copytree(rust.directory, place.directory)

    def plant(notebook):
        # Cells that would have to be compiled say nothing here.
        notebook.cells = notebook.cells[: 1 + place_of(RUST, "zones")]
        cells = code_cells(notebook)
        html = cells[place_of(RUST, "fares") - 1].outputs[0].data
        assert "11.125" in html["text/html"]
        # Only one of two forms.
        html["text/html"] = html["text/html"].replace("11.125", "11.126")

    place.change(plant)
    number = place_of(RUST, "fares")
    assert_differs(place.replay(), f"cell {number} (In[{number}]) is the first to diverge: output 1 (display, html)", "11.125", "11.126")


def test_a_notebook_of_python_agrees(python):
    before = snapshot(python.directory)
    report = python.replay("--format", "json")
    assert report.code == 0, report.stdout + report.stderr
    rows = dict(zip(PYTHON, json.loads(report.stdout), strict=True))
    assert [rows[name]["agreement"] for name in ("number", "print", "json", "table", "picture")] == ["identical"] * 5
    assert rows["object"]["agreement"] == "identical after canonicalisation"
    assert rows["time"]["agreement"] == "identical after canonicalisation"
    assert rows["bar"]["agreement"].endswith("in part not compared")
    assert rows["silent"]["agreement"] == "shows nothing to compare"
    assert snapshot(python.directory) == before


def swap_picture(notebook):
    data = code_cells(notebook)[place_of(PYTHON, "picture") - 1].outputs[0].data
    other = numpy.arange(5 * 7 * 3).reshape(5, 7, 3)
    other[2, 3] += 40
    data["image/png"] = base64.b64encode(png(other)).decode()


def change_output(name, form, change):
    def plant(notebook):
        output = code_cells(notebook)[place_of(PYTHON, name) - 1].outputs[0]
        if form == "text":
            output.text = change(output.text)
        else:
            output.data[form] = change(output.data[form])

    return plant


PLANTED = {
    "print": (change_output("print", "text", lambda text: text.replace("rows: 3", "rows: 4")), ["what it printed", "line 1: expected `rows: 4`, found `rows: 3`"]),
    "number": (change_output("number", "text/plain", lambda text: text.replace("19.3", "19.4")), ["output 1 (result, txt)"]),
    "json": (change_output("json", "application/json", lambda value: {**value, "a": 0.6}), ["output 1 (display, json)", '"a": 0.6', '"a": 0.5']),
    "table": (change_output("table", "text/html", lambda text: text.replace("12.5", "12.6")), ["output 1 (result, html)", "12.6"]),
    "picture": (swap_picture, ["output 1 (result, png)", "1 of 35 pixels differ, by at most 40 of 255", "column 4, row 3"]),
    "time": (change_output("time", "text", lambda text: text.replace("timed", "tired")), ["expected `tired`, found `timed`"]),
    "bar": (change_output("bar", "text", lambda text: text.replace("2 of 3", "3 of 3")), ["expected `3 of 3`, found `2 of 3`"]),
}


def test_each_planted_result_is_seen_and_named_by_its_cell(python):
    """In all of them at once, for each is judged by itself; the first is named."""
    before = (python.directory / "nb.ipynb").read_bytes()
    for plant, _ in PLANTED.values():
        python.change(plant)
    assert (python.directory / "nb.ipynb").read_bytes() != before
    rows = dict(zip(PYTHON, python.rows(), strict=True))
    for name, row in rows.items():
        assert row["agreement"].startswith("different") == (name in PLANTED), f"{name}: {row}"
        for word in PLANTED.get(name, (None, []))[1]:
            assert word in row["difference"], f"{name}: {row}"
    assert_differs(python.replay(), "nb.ipynb does not replay", "cell 1 (In[1]) is the first to diverge")


def test_rounding_is_a_level_of_its_own(python):
    python.change(change_output("print", "text", lambda text: text.replace("0.30000000000000004", "0.3")))
    assert_differs(python.replay(), "cell 2 (In[2]) is the first to diverge")
    assert python.replay("--level", "tolerance").code == 0


def test_other_bytes_of_the_same_pixels_agree(python):
    def repack(notebook):
        data = code_cells(notebook)[place_of(PYTHON, "picture") - 1].outputs[0].data
        image = Image.open(io.BytesIO(base64.b64decode(data["image/png"])))
        data["image/png"] = base64.b64encode(png(numpy.asarray(image), words="today", compress_level=1)).decode()

    python.change(repack)
    assert python.rows()[place_of(PYTHON, "picture") - 1]["agreement"] == "identical in pixels"
    assert python.replay().code == 0
    assert_differs(python.replay("--level", "canonical"), "cell 5 (In[5]) is the first to diverge", "the same pixels are stored in other bytes")


def test_pixels_are_judged_as_numpy_judges_them(tmp_path):
    """Random pictures in each mode, stored once more by Pillow in another one, or with pixels changed."""
    place = Place(tmp_path)
    chance = random.Random(7)
    modes = ["RGB", "RGBA", "L", "LA", "P", "1"]
    cells, stored, expected = [], [], []
    for number in range(48):
        mode = modes[number % len(modes)]
        width, height = chance.randint(1, 40), chance.randint(1, 40)
        colours = [[chance.randrange(256) for _ in range(4)] for _ in range(chance.randint(1, 9))]
        pixels = numpy.array([[chance.choice(colours) for _ in range(width)] for _ in range(height)], dtype=numpy.uint8)
        image = Image.fromarray(pixels).convert(mode)
        held = io.BytesIO()
        image.save(held, "PNG", compress_level=chance.randint(0, 9))
        place.write(f"{number}.png", held.getvalue())
        was = numpy.asarray(image.convert("RGBA")).astype(int)
        now = was.copy()
        for _ in range(chance.choice([0, 0, 1, 5])):
            now[chance.randrange(height), chance.randrange(width), chance.randrange(4)] = chance.randrange(256)
        other = io.BytesIO()
        again = Image.fromarray(now.astype(numpy.uint8))
        again.save(other, "PNG", compress_level=chance.randint(0, 9), optimize=chance.random() < 0.5)
        assert (numpy.asarray(Image.open(other).convert("RGBA")) == now).all()
        differing = numpy.abs(was - now)
        expected.append((int((differing.max(axis=2) > 0).sum()), int(differing.max())))
        cells.append(f"from IPython.display import Image\nImage(open('{number}.png', 'rb').read(), format='png')")
        stored.append(base64.b64encode(other.getvalue()).decode())
    notebook = notebook_of(cells, "python3")
    for cell, picture, number in zip(code_cells(notebook), stored, range(1, len(cells) + 1), strict=True):
        text = "<IPython.core.display.Image object>"
        cell.execution_count = number
        cell.outputs = [new_output("execute_result", {"image/png": picture, "text/plain": text}, execution_count=number)]
    nbformat.write(notebook, tmp_path / "nb.ipynb")
    rows = place.rows()
    assert len(rows) == len(cells)
    assert sum(count == 0 for count, _ in expected) > 10 < sum(count > 0 for count, _ in expected)
    for row, (count, most) in zip(rows, expected, strict=True):
        if count == 0:
            assert row["agreement"] in ("identical", "identical in pixels"), row
        else:
            assert f"{count} of " in row["difference"] and f"by at most {most} of 255" in row["difference"], (row, count, most)


def test_other_orders_and_missing_executions_are_told(tmp_path):
    place = Place(tmp_path)
    notebook = notebook_of(["total = 1", "total += 1\nprint(total)", "print(total)"], "python3")
    execute(tmp_path / "nb.ipynb", notebook)
    cells = code_cells(notebook)
    # As if the last cell had run before the second, and the first twice.
    cells[0].execution_count, cells[1].execution_count, cells[2].execution_count = 2, 4, 3
    cells[2].outputs[0].text = "1\n"
    nbformat.write(notebook, tmp_path / "nb.ipynb")
    report = place.replay()
    assert_differs(report, "cell 3 (In[3]) is the first to diverge: what it printed", "expected `1`, found `2`")
    assert_differs(report, "likely cause: the cells ran in another order than they stand: In[4] stands above In[3]", "executions are missing (In[1])")
    in_order = place.replay("--order", "execution")
    assert in_order.code == 0, in_order.stdout + in_order.stderr
    assert "another order" not in in_order.stdout and "executions are missing (In[1])" in in_order.stdout


def test_a_cell_that_was_not_executed_runs_and_is_not_compared(tmp_path):
    place = Place(tmp_path)
    notebook = notebook_of(["x = 1", "print('new')", "", "print(x)"], "python3")
    execute(tmp_path / "nb.ipynb", notebook)
    cells = code_cells(notebook)
    cells[1].outputs, cells[1].execution_count = [], None
    nbformat.write(notebook, tmp_path / "nb.ipynb")
    report = place.replay("--format", "json")
    rows = json.loads(report.ok())
    assert [row["cell"] for row in rows] == [1, 2, 4]
    assert rows[1]["agreement"] == "not compared" and "not executed" in rows[1]["not compared"]
    assert [row["cell"] for row in place.rows("--order", "execution")] == [1, 4]


def test_nothing_to_compare_is_no_agreement(tmp_path):
    place = Place(tmp_path)
    execute(tmp_path / "nb.ipynb", notebook_of(["x = 1"], "python3"))
    assert_not_run(place.replay(), "could not be replayed", "show nothing that could be compared")


def test_what_was_never_executed_or_is_of_another_kernel_is_refused(tmp_path):
    place = Place(tmp_path)
    never = notebook_of(["print(1)"], "python3")
    none = notebook_of([], "python3")
    other = notebook_of(["1"], "python3")
    other.metadata.kernelspec = {"name": "ir", "display_name": "R", "language": "R"}
    code_cells(other)[0].execution_count = 1
    unknown = notebook_of(["1"], "python3")
    unknown.metadata = nbformat.NotebookNode()
    code_cells(unknown)[0].execution_count = 1
    for notebook, words in [
        (never, ["none of its cells was executed", "run it and save it"]),
        (none, ["no cells of code"]),
        (other, ["the kernel `ir` (r)", "kernel `kernwerk` and of Python"]),
        (unknown, ["does not say which kernel"]),
    ]:
        nbformat.write(notebook, tmp_path / "nb.ipynb")
        report = place.replay()
        assert report.code == 2
        report.failed(*words)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", ["it is empty"]),
        ('{"nbformat": 4, "cells": [', ["it is not JSON"]),
        ('{"a": 1}', ["no notebook"]),
        ('{"nbformat": 3, "nbformat_minor": 0, "metadata": {}, "worksheets": []}', ["notebook format 3", "nbconvert"]),
        ('{"nbformat": 4, "metadata": {}, "cells": [{"cell_type": "code", "source": 1}]}', ["its cell 1", "`source`"]),
        (b"\xff\xfe\x00", ["it is not JSON"]),
    ],
)
def test_a_broken_file_is_refused(tmp_path, content, words):
    place = Place(tmp_path)
    place.write("nb.ipynb", content)
    report = place.replay()
    assert report.code == 2
    report.failed("nb.ipynb cannot be read as a notebook", *words)


def test_a_file_that_is_not_there_and_arguments_that_do_not_fit(tmp_path):
    place = Place(tmp_path)
    place.replay().failed("there is no notebook", "an artifact is named as in")
    place("promote", "replay", "fares@1", "--order", "execution").failed("an artifact has its own")
    execute(tmp_path / "nb.ipynb", notebook_of(["print(1)"], "python3"))
    before = (tmp_path / "nb.ipynb").read_bytes()
    place.replay("--report", "nb.ipynb").failed("take the place of the notebook")
    place.replay("--report", "nb.txt").failed("end it in .html")
    place.replay("--report", "nb.ipynb/nb.html").failed("lies below", "which is a file")
    place.replay("--report", "no/such/nb.html").failed("there is no directory", "make it first")
    place.replay("--report", "r.html", "--report", "./r.html").failed("are the same file")
    place.replay("--order", "backwards").failed("neither document nor execution")
    assert (tmp_path / "nb.ipynb").read_bytes() == before


def test_without_a_lab_none_is_made(tmp_path):
    """Magics of a notebook that never saw a lab have one in the copy alone."""
    place = Place(tmp_path / "home")
    place.directory.mkdir()
    place.write("rides.csv", RIDES)
    cells = ["%load_ext kernwerk", "%feature source rides rides.csv --event-time pickup", '%feature sql "SELECT count(*) AS n FROM rides"']
    execute(place.directory / "nb.ipynb", notebook_of(cells, "python3"))
    shutil.rmtree(place.directory / ".kernwerk")
    (place.directory / "kernwerk.toml").unlink()
    report = place.replay("--report", "../report.html")
    assert report.code == 0, report.stdout + report.stderr
    assert sorted(path.name for path in place.directory.iterdir()) == ["nb.ipynb", "rides.csv"]
    assert (tmp_path / "report.html").read_text().count("identical") > 1


def test_a_result_that_lacks_a_form_is_told(tmp_path):
    """Of a form that is not stored nothing can be compared, and whoever took it out is not passed over."""
    place = Place(tmp_path)
    fare = "class Fare:\n    def __repr__(self): return 'fare 12.5'\n    def _repr_html_(self): return '<b>12.5</b>'\nFare()"
    execute(tmp_path / "nb.ipynb", notebook_of(["1 + 1", fare], "python3"))
    assert place.replay().code == 0

    def take_away(notebook):
        output = code_cells(notebook)[1].outputs[0]
        assert set(output.data) == {"text/html", "text/plain"}, output
        del output.data["text/html"]

    place.change(take_away)
    report = place.replay()
    assert report.code == 0, report
    assert "cell 2 (In[2]): output 1 as result, html, a form that the notebook does not hold" in report.stdout


def test_a_missing_package_leaves_it_undecided(python):
    def need(notebook):
        code_cells(notebook)[1].source = "import no_such_package\nprint('rows: 3')"

    python.change(need)
    report = python.replay()
    assert_not_run(report, "could not run: cell 2: ModuleNotFoundError: No module named 'no_such_package'", "cells did not run, from cell 2 to cell 9")


def test_a_cell_that_fails_now_ends_the_run_and_gives_its_likely_cause(tmp_path):
    place = Place(tmp_path)
    place.write("data.txt", "a")
    cells = ["import os, random\nprint(os.environ.get('KW_ZONE'))", "print(random.random())\nopen('data.txt').read()", "open('gone.txt', 'w').write('1')", "print(open('gone.txt').read())", "print('end')"]
    os.environ["KW_ZONE"] = "1"
    try:
        execute(tmp_path / "nb.ipynb", notebook_of(cells, "python3"))
        report = place.replay()
    finally:
        del os.environ["KW_ZONE"]
    assert_differs(report, "cell 2 (In[2]) is the first to diverge", "In[2] asks for the time, for chance", "`random`", "KW_ZONE")

    def fail(notebook):
        code_cells(notebook)[1].source = "raise ValueError('no')"

    place.change(fail)
    report = place.replay("--format", "json")
    assert report.code == 1
    difference = json.loads(report.stdout)[1]["difference"]
    assert difference.startswith("in the notebook it ended well, and now it failed: `ValueError: no`")
    assert "3 cells did not run, from cell 3 to cell 5" in report.stderr and "KW_ZONE" in report.stderr


def test_the_network_is_kept_away_unless_it_is_live(tmp_path):
    place = Place(tmp_path)
    cells = ["import socket\nlistening = socket.create_server(('127.0.0.1', 0))\nprint('http' in 'https', sorted(name for _, name in socket.if_nameindex())[:1])"]
    execute(tmp_path / "nb.ipynb", notebook_of(cells, "python3"))
    assert "free to use the network" in place.replay("--live").stdout


def test_reports_in_three_forms_show_what_differs(python, tmp_path):
    python.change(swap_picture)
    python.change(PLANTED["print"][0])
    report = python.replay("--report", "r.html", "--report", "r.ipynb", "--report", "r.json")
    assert report.code == 1
    told = json.loads((python.directory / "r.json").read_text())
    assert told["verdict"] == "differs" and told["artifact"] == "nb.ipynb"
    cell = told["cells"][place_of(PYTHON, "print") - 1]
    assert cell["label"] == "In[2]" and cell["standing"] == "differs" and "rows: 4" in cell["results"][0]["expected"]["text"]
    assert told["cells"][place_of(PYTHON, "bar") - 1]["not_compared"]
    page = (python.directory / "r.html").read_text()
    assert page.count("data:image/png;base64,") >= 2 and "in the notebook" in page and "cell 2, In[2]" in page
    notebook = nbformat.read(python.directory / "r.ipynb", as_version=4)
    nbformat.validate(notebook)
    assert any("rows: 3" in cell.source for cell in notebook.cells if cell.cell_type == "markdown")


def test_an_interrupt_ends_it_and_leaves_nothing(tmp_path):
    place = Place(tmp_path / "home")
    place.directory.mkdir()
    marker = tmp_path / "marker"
    notebook = notebook_of([f"import os, time\nif os.path.exists({str(marker.parent / 'slow')!r}):\n    open({str(marker)!r}, 'w').close()\n    time.sleep(600)\nprint(1)"], "python3")
    execute(place.directory / "nb.ipynb", notebook)
    (tmp_path / "slow").touch()
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    os.environ["TMPDIR"] = str(temporary)
    try:
        process = place.start("promote", "replay", "nb.ipynb")
    finally:
        del os.environ["TMPDIR"]
    deadline = time.monotonic() + 120
    while not marker.exists():
        assert process.poll() is None and time.monotonic() < deadline, process.communicate()
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 130, stdout + stderr
    assert not [path for path in temporary.iterdir() if path.name.startswith("kernwerk-")]


def test_the_notebook_replays_itself_from_a_cell(rust, python, tmp_path):
    """In the kernel, and in IPython: the copy runs in a process of its own."""
    place = Place(tmp_path / "rust")
    shutil.copytree(rust.directory, place.directory)
    place.change(lambda notebook: notebook.cells.__delitem__(slice(1 + place_of(RUST, "zones"), None)))
    with Kernel(place.directory) as kernel:
        assert "nb.ipynb replays: all" in kernel.run("%promote replay nb.ipynb", 300).ok()
    with Kernel(python.directory, name="python3") as kernel:
        kernel.run("%load_ext kernwerk").ok()
        assert "nb.ipynb replays: all" in kernel.run("%promote replay nb.ipynb", 300).ok()


def test_what_differs_from_run_to_run_is_marked_in_the_file(rust):
    """The kernel's mark is what keeps such an output from being compared."""
    cells = code_cells(rust.read())
    marks = {name: [output.metadata.get("kernwerk") for output in cell.outputs if "metadata" in output] for name, cell in zip(RUST, cells, strict=True)}
    assert marks["list"] == [{"volatile": True}] and marks["fares"] == [None]
