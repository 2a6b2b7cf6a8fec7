"""The colours of cells: Pygments' lexers, JupyterLab's extension, and that both see the same magics as the kernel."""

import json
import re
import runpy
import subprocess
import sys
from pathlib import Path

import kernwerk_pygments
import pytest
from face import CHECKOUT
from hypothesis import given, settings
from hypothesis import strategies as st
from py_mini_racer import MiniRacer
from pygments.lexers import get_lexer_by_name
from pygments.token import Comment, Error, Keyword, Name, Number, Operator, String

PYTHON = CHECKOUT / "python"
REFERENCE = (CHECKOUT / "docs" / "magics.md").read_text()
EXTENSION = Path(sys.prefix) / "share" / "jupyter" / "labextensions" / "kernwerk"
# Every verb's section holds its usage first, and then examples.
EXAMPLES = re.findall(r"^[^\n]*:\n\n```text\n(%.*?)\n```$", REFERENCE, re.MULTILINE | re.DOTALL)

# What cells are made of, whole and broken.
PIECES = [
    "%", "%%", "%feature ", "%%feature sql", "%%feature define v --ttl 1h", "%feature sql ", "%eval golden import",
    "%%eval suite define q", "%load_ext x", "%%bash", "%lab?", "list?", "\n", "\n", "\n", "\\\n", "\\",
    " ", "    ", "\t", "\r", "\u00a0",
    '"', "'", '"""', "'''", "r#\"", '"#', "bar\"", "br##\"", "/*", "*/", "//", "#", "(", ")", "{", "}", "[", "]",
    "->", " -> x", "--key", "-k", "=", "5", "1h", "'a'", "'\\''", "b", "SELECT 1", "k: 1", "let x = 1;",
    "é", "ß", "?", "%%%a",
]  # fmt: skip
# Lines that are magics wherever nothing has begun before them, so that it shows whether something has.
LINES = st.sampled_from(["%lab status", "%%feature sql", "%%x", "%feature list -> x", "  %rag list"])
PART = st.lists(st.sampled_from(PIECES), max_size=4).map("".join)
CELLS = st.lists(st.one_of(PART, PART, LINES), max_size=12).map("\n".join)
# In which the kernel sees one part of code and no magic.
CODE = [
    "let x = 7\n  % 4;",
    'let s = "\n%lab status\n";',
    'let s = r#"\n%lab " status\n"#;',
    "/* a /* b */\n%lab status\n*/",
    "let v = vec![\n%lab\n];",
    "let c = '\"'; let l: &'static str = \"a\n%lab\";",
]
# The same for IPython.
PYTHON_CODE = [
    "%%bash\n%lab status",
    "x\n%%feature sql\nSELECT 1",
    "'''\n%lab status\n'''",
    "f('''\\'''\n%lab\n''')",
    "f(\n%lab\n)",
]
# In which code ends before a magic, and bodies before the next one.
MIXED = [
    "let c = '{'; // {\n%lab status",
    "fn f<'a>(x: &'a str) {}\n%lab status",
    "f(x))\n%lab status",
    "%%feature sql\nSELECT 1\n%%other\nx\n%%eval suite define q\nk: 1",
    "%feature training rides \\\n  --features a\n1",
]
HOSTS = {"rust": "kernwerk", "python": "kernwerk-ipython"}


def tokens(text: str, lexer: str = "kernwerk"):
    """The tokens that are no plain text, in their order."""
    found = get_lexer_by_name(lexer).get_tokens_unprocessed(text)
    return [(kind, value) for _, kind, value in found if kind not in kernwerk_pygments.Text and value.strip()]


def shape(cell: str, host: str = "rust") -> list[str]:
    """The parts of a cell, one line for each."""
    parts = kernwerk_pygments.split(cell, host, kernwerk_pygments.known_verbs())
    lines = []
    for part in parts:
        body = f" | {part.body[2]} {cell[slice(*part.body[:2])].rstrip()}" if part.body else ""
        lines.append(f"{part.type} {cell[part.start : part.end].rstrip()}{body}".replace("\n", "⏎"))
    return lines


def test_the_verbs_are_those_of_the_reference():
    made = runpy.run_path(str(PYTHON / "build" / "verbs_of_reference.py"))["verbs_of"](REFERENCE)
    assert (PYTHON / "kernwerk" / "verbs.json").read_text() == made, "verbs.json is stale: run `make docs`"
    verbs = json.loads(made)
    assert [len(verbs), sum(map(len, verbs.values()))] == [REFERENCE.count("\n## %"), REFERENCE.count("\n### ")]
    assert verbs["feature"]["sql"] == {"body": "sql", "line": "sql"}
    assert verbs["eval"]["suite define"] == {"body": "yaml"}
    bodies = REFERENCE.count("\nThe body is ") + REFERENCE.count("\nIt may have a body")
    assert json.dumps(verbs).count('"body"') == bodies


def test_a_magic_has_its_tokens():
    assert tokens('%rag search handbook "late arrivals" -k 5 --mode=text -> hits') == [
        (Operator, "%"), (Keyword, "rag"), (Name.Builtin, "search"), (String, '"late arrivals"'),
        (Name.Attribute, "-k"), (Number, "5"), (Name.Attribute, "--mode"), (Operator, "->"), (Name.Variable, "hits"),
    ]  # fmt: skip
    verb = [(Name.Builtin, "golden"), (Name.Builtin, "import")]
    assert tokens("%eval golden import q f.jsonl") == [(Operator, "%"), (Keyword, "eval"), *verb]
    assert tokens("%feature sql?") == [(Operator, "%"), (Keyword, "feature"), (Name.Builtin, "sql"), (Operator, "?")]


def test_a_quoted_arrow_is_text_and_an_unknown_verb_is_no_verb():
    assert (Operator, "->") not in tokens("%rag search handbook '->' x")
    assert Name.Builtin not in [kind for kind, _ in tokens("%rag serch handbook")]


def test_bodies_are_in_their_language():
    sql = tokens("%%feature sql -> rows\nSELECT zone AS \"a\" FROM rides -- it's\nWHERE x = 'y'")
    assert sql[3:6] == [(Operator, "->"), (Name.Variable, "rows"), (Keyword, "SELECT")]
    assert (Comment.Single, "-- it's\n") in sql
    yaml = tokens("%%eval suite define q\ntarget:\n  k: 100 # documents\n")
    assert (Name.Tag, "target") in yaml
    assert (Comment.Single, "# documents") in yaml
    assert (Keyword, "SELECT") in tokens("%feature sql SELECT count(*) FROM rides -> n")
    assert tokens("%feature sql 'SELECT 1'")[-1] == (String, "'SELECT 1'")


def test_code_is_in_the_language_of_the_notebook():
    assert (Keyword.Declaration, "let") in tokens("%lab status\nlet x = 1;")
    python = tokens("x = 1\n%lab status\ndef f(): pass\n%matplotlib inline", "kernwerk-ipython")
    assert (Name.Builtin, "status") in python
    assert (Keyword, "def") in python


def test_cells_split_as_in_the_kernel():
    magics = "%lab status\nlet x = 1;\nx\n\n%feature list\n"
    assert shape(magics + "%%feature define v --ttl 1h\nselect 1\n  %x\n%%feature sql\nselect 2") == [
        "magic %lab status", "code let x = 1;⏎x", "magic %feature list",
        "magic %%feature define v --ttl 1h | sql select 1⏎  %x", "magic %%feature sql | sql select 2",
    ]  # fmt: skip
    assert shape(MIXED[-1]) == ["magic %feature training rides \\⏎  --features a", "code 1"]
    for code in CODE:
        assert shape(code) == ["code " + code.replace("\n", "⏎")]
    assert [len(shape(cell)) for cell in MIXED] == [2, 2, 2, 3, 2]


def test_in_ipython_only_our_magics_are_ours():
    lines = "import os\n%load_ext kernwerk"
    assert shape(f"{lines}\n%lab status", "python") == ["code " + lines.replace("\n", "⏎"), "magic %lab status"]
    body = ["code ", "magic %%feature sql | sql SELECT 1⏎%lab status"]
    assert shape("\n%%feature sql\nSELECT 1\n%lab status", "python") == body
    assert len(shape(MIXED[3], "python")) == 3
    for code in PYTHON_CODE:
        assert shape(code, "python") == ["code " + code.replace("\n", "⏎")]


def test_every_example_of_the_reference_has_colours():
    assert len(EXAMPLES) > 40
    for example in EXAMPLES:
        (part,) = kernwerk_pygments.split(example, "rust", kernwerk_pygments.known_verbs())
        kinds = [token.type for token in part.tokens]
        assert kinds[:3] == ["sign", "magic", "verb"], example
        assert (part.body is not None) == example.startswith("%%"), example
        assert part.body is None or part.body[2] in ("sql", "yaml"), example
        assert Error not in [kind for kind, _ in tokens(example)], example


@given(CELLS, st.sampled_from(sorted(HOSTS)))
@settings(deadline=None, max_examples=500)
def test_no_text_is_lost(cell, host):
    found = list(get_lexer_by_name(HOSTS[host]).get_tokens_unprocessed(cell))
    assert "".join(value for _, _, value in found) == cell
    assert all(cell.startswith(value, at) for at, _, value in found)


@pytest.fixture(scope="module")
def in_the_browser():
    """The extension's own splitting of cells, in the JavaScript engine of browsers."""
    racer = MiniRacer()
    (script,) = EXTENSION.glob("static/*/cells.js")
    racer.eval(script.read_text().replace("export function", "function"))
    racer.eval(f"const VERBS = {next(script.parent.glob('verbs.json')).read_text()};")
    racer.eval("const run = (cell, host) => JSON.stringify(split(cell, host, VERBS));")
    return lambda cell, host: json.loads(racer.call("run", cell, host))


def in_pygments(cell: str, host: str):
    """Pygments' splitting, in the words of the other."""
    found = []
    for part in kernwerk_pygments.split(cell, host, kernwerk_pygments.known_verbs()):
        line = {"type": part.type, "from": part.start, "to": part.end}
        if part.type == "magic":
            line["tokens"] = [{"type": token.type, "from": token.start, "to": token.end} for token in part.tokens]
            line["body"] = dict(zip(("from", "to", "language"), part.body)) if part.body else None
        found.append(line)
    return found


def test_jupyterlab_sees_the_same_magics_in_cells_that_there_are(in_the_browser):
    notebooks = [json.loads(path.read_text()) for path in sorted((CHECKOUT / "notebooks").glob("*.ipynb"))]
    cells = EXAMPLES + ["".join(cell["source"]) for notebook in notebooks for cell in notebook["cells"]]
    assert len(cells) > len(EXAMPLES)
    for host in HOSTS:
        for cell in cells + CODE + PYTHON_CODE + MIXED:
            assert in_the_browser(cell, host) == in_pygments(cell, host)


@given(CELLS, st.sampled_from(sorted(HOSTS)))
@settings(deadline=None, max_examples=700)
def test_jupyterlab_sees_the_same_magics_in_any_cell(in_the_browser, cell, host):
    assert in_the_browser(cell, host) == in_pygments(cell, host)


def test_jupyterlab_lists_the_extension_as_fit():
    ran = subprocess.run(["jupyter", "labextension", "list"], capture_output=True, text=True, timeout=300)
    listed = re.sub(r"\x1b\[\d*m", "", ran.stdout + ran.stderr)
    assert re.search(r"^\s*kernwerk v0\.1\.0 enabled +OK \(python, kernwerk\)$", listed, re.MULTILINE), listed
    package = json.loads((EXTENSION / "package.json").read_text())
    entry = EXTENSION / package["jupyterlab"]["_build"]["load"]
    scripts = "".join(script.read_text() for script in entry.parent.glob("*.js"))
    # Each file of the extension is asked for by another one, and each that is asked for is there.
    asked_for = set(re.findall(r"(\w+\.js(?:on)?)[`\"]", scripts))
    assert asked_for == {path.name for path in entry.parent.iterdir()} - {entry.name}


@pytest.mark.parametrize(
    "metadata",
    [
        {"language_info": {"name": "rust", "pygments_lexer": "rust"}},
        {"kernelspec": {"name": "kernwerk", "display_name": "Kernwerk (Rust)", "language": "rust"}},
    ],
)
def test_nbconvert_knows_magics_when_it_is_asked(tmp_path, metadata):
    code = {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": []}
    cells = [code | {"source": source} for source in ("%%feature sql\nSELECT 1 AS one", "let x = 1;")]
    notebook = {"nbformat": 4, "nbformat_minor": 4, "metadata": metadata, "cells": cells}
    (tmp_path / "notebook.ipynb").write_text(json.dumps(notebook))
    command = ["jupyter", "nbconvert", "--to", "kernwerk", tmp_path / "notebook.ipynb"]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert ran.returncode == 0, ran.stderr
    page = (tmp_path / "notebook.html").read_text()
    assert '<span class="k">SELECT</span>' in page and '<span class="kd">let</span>' in page
