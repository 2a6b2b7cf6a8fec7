"""Files that cells of Python find by themselves: what a cell was seen to open is an input of the pipeline, whatever the code calls it."""

import shutil
import sys
import time
import tomllib

import pytest
from face import IPython

from artifact import Project

NOTEBOOK = "opened.ipynb"
MANY = 300
# Cells, and then by target what is to be among the inputs and how many cells are kept, without `%load_ext`.
CELLS = {
    "imports": "import csv, glob, json, os, pathlib, pickle, threading\nimport pandas as pd\nbase = pathlib.Path('data')",
    "globbed": "rows = []\nfor path in sorted(glob.glob('data/part-*.csv')):\n    with open(path) as file:\n        rows += list(csv.DictReader(file))",
    "globbed_count": "globbed = len(rows)",
    "framed": "framed = int(pd.concat([pd.read_csv(base / f'part-{n}.csv') for n in (1, 3)])['b'].sum())",
    "quiet": "try:\n    with open(base / ('lim' + 'it.txt')) as file:\n        quiet = int(file.read())\nexcept OSError:\n    quiet = 1",
    "images": "images = sum(path.stat().st_size for path in sorted((base / 'images').iterdir()) if path.read_bytes())",
    "writer": "stem = 'made'\nmade_in = pathlib.Path('out')\nmade_in.mkdir(exist_ok=True)\nfor n in (1, 2):\n    (made_in / f'{stem}-{n}.json').write_text(json.dumps([n] * 5))",
    "made": "made = sum(sum(json.loads((made_in / f'{stem}-{n}.json').read_text())) for n in (1, 2))",
    "own": "with open(made_in / ('own' + '.txt'), 'w+') as file:\n    file.write('42')\n    file.seek(0)\n    own = int(file.read())",
    "threaded": """texts = {}
def read(name):
    texts[name] = os.fsdecode(pathlib.Path(os.fsencode(base / name).decode()).read_bytes())
workers = [threading.Thread(target=read, args=['thread' + end]) for end in ('.txt', '.md')]
for worker in workers:
    worker.start()
for worker in workers:
    worker.join()
threaded = sorted(texts.items())""",
    "lowlevel": "handle = os.open(f'{base}/thread.txt', os.O_RDONLY)\nlowlevel = os.read(handle, 99)\nos.close(handle)",
    "beside": "beside = sum(len(open(os.path.join(*path)).read()) for path in [('.hid' + 'den',), ('node_modules', 'm.js')]) and 7",
    "late": "late = open('data/la' + 'te.txt').read()",
}
INPUTS = {
    "globbed": {"data/part-1.csv", "data/part-2.csv", "data/part-3.csv"},
    "framed": {"data/part-1.csv", "data/part-3.csv"},
    "quiet": {"data/limit.txt"},
    "made": set(),
    "own": set(),
    "threaded": {"data/thread.txt", "data/thread.md"},
    "lowlevel": {"data/thread.txt"},
    "images": {f"data/images/{n:03}.raw" for n in range(MANY)},
}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A project whose notebook has run, and its kernel. There was no lab when it began to."""
    project = Project(tmp_path_factory.mktemp("opened"))
    for n in (1, 2, 3):
        project.write(f"data/part-{n}.csv", f"a,b\n{n},{10 * n}\n")
    for name, text in {"limit.txt": "5", "thread.txt": "thread", "thread.md": "# thread", "late.txt": "early"}.items():
        project.write(f"data/{name}", text)
    for n in range(MANY):
        project.write(f"data/images/{n:03}.raw", f"{n}")
    project.write(".hidden", "hidden")
    project.write("node_modules/m.js", "0")
    shutil.rmtree(project.directory / ".kernwerk", ignore_errors=True)
    (project.directory / "kernwerk.toml").unlink(missing_ok=True)
    with IPython(project.directory, {"JPY_SESSION_NAME": str(project.directory / NOTEBOOK)}) as kernel:
        cells = iter(CELLS.values())
        for _ in range(2):
            kernel.run(next(cells)).ok()
        kernel.run("%lab init").ok()
        for cell in cells:
            # Nobody is faster, and no clock of a file system is so far off.
            time.sleep(0.08)
            kernel.run(cell).ok()
        yield project, kernel


def published(project, kernel, target) -> dict:
    kernel.run(f"%promote publish {target} --target {target}").ok()
    return tomllib.loads((project.directory / f"pipelines/{target}/1/pipeline.toml").read_text())


@pytest.mark.parametrize("target", INPUTS)
def test_what_was_opened_is_an_input(place, target):
    pipeline = published(*place, target)
    assert {one["name"] for one in pipeline.get("inputs", [])} == INPUTS[target]


def test_who_wrote_what_is_read_is_kept(place):
    project, _ = place
    cells = [path.read_text() for path in sorted((project.directory / "pipelines/made/1/cells").iterdir())]
    assert cells == [CELLS[name] + "\n" for name in ("imports", "writer", "made")]


def test_another_content_is_seen(place, tmp_path):
    project, _ = place
    elsewhere = tmp_path / "elsewhere"
    shutil.copytree(project.directory, elsewhere)
    checkout = Project(elsewhere)
    checkout.write("data/part-2.csv", "a,b\n2,21\n")
    replay = checkout("promote", "replay", "globbed@1")
    assert replay.code != 0 and "data/part-2.csv" in replay.stdout, replay
    checkout("promote", "replay", "framed@1").ok()
    checkout.write("data/part-3.csv", "a,b\n3,31\n")
    assert checkout("promote", "run", "framed@1", "--output", "framed.json").ok()
    assert (elsewhere / "framed.json").read_text().strip() == "41"
    checkout.write("data/limit.txt", "6")
    checkout("promote", "run", "quiet@1", "--output", "quiet.json").ok()
    assert (elsewhere / "quiet.json").read_text().strip() == "6"


def test_what_changed_since_it_was_read_is_told_before_anything_runs(place):
    project, kernel = place
    project.write("data/late.txt", "later")
    refused = kernel.run("%promote publish late --target late")
    refused.failed("file `data/late.txt` has changed since In[", "run the cells again")


def test_what_is_no_file_of_the_project_is_none(place):
    """Its proof then differs, for the fresh run has not what was not declared."""
    _, kernel = place
    kernel.run("%promote publish beside --target beside").failed("FileNotFoundError", "`--input FILE`")


def test_listening_changes_nothing_for_others(tmp_path):
    """What is opened by a number, by nothing that is a path, or by a cell that fails, is as without it; and nothing is heard between cells."""
    with IPython(tmp_path) as kernel:
        for code, error in [
            ("open('\\0')", "embedded null"),
            ("open(object())", "expected str, bytes or os.PathLike object"),
            ("open('none')", "FileNotFoundError"),
            ("open(99, closefd=False)", "Bad file descriptor"),
        ]:
            kernel.run(code).failed(error)
        kernel.run("import os, sys, tempfile\nos.fdopen(os.dup(1), 'w').close()\nwith tempfile.TemporaryFile() as file:\n    file.write(b'1')").ok()
        kernel.run("%lab init").ok()
        kernel.run("%unload_ext kernwerk").ok()
        kernel.run("open('there', 'w').write('1')\nprint(open('there').read())").ok()
        assert kernel.run(f"import kernwerk.opened as opened\nprint({sys.version_info[0]}, len(opened._listening))").text().strip().endswith("3 0")
