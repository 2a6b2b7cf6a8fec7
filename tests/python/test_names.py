"""The names that a cell of Python touches: what its text spells out, and what could hide behind it."""

import decimal
import heapq
import os
import random
import subprocess
import sys
import types

import numpy
import pandas
import polars
import pyarrow
import pytest
from kernwerk.names import is_magics_alone, of_cell

MAGICS = {"feature", "rag"}
LINE = "get_ipython().run_line_magic('{}', '{}')"


def names(code, **namespace):
    return of_cell(code, MAGICS, namespace)


@pytest.mark.parametrize(
    ("code", "defines", "uses", "mutates"),
    [
        ("a = 1\nb = a", {"a", "b"}, set(), set()),
        ("b = a", {"b"}, {"a"}, set()),
        ("b = a\na = 2", {"a", "b"}, {"a"}, set()),
        ("import os.path as path, sys", {"path", "sys"}, set(), set()),
        ("from x import y as z", {"z"}, set(), set()),
        ("print(len(a))", set(), {"a"}, set()),
        ("a.append(b)", set(), {"a", "b"}, {"a"}),
        ("a.b.c[0].d()", set(), {"a"}, {"a"}),
        ("a[b] = c", set(), {"a", "b", "c"}, {"a"}),
        ("a.x = 1", set(), {"a"}, {"a"}),
        ("a += 1", {"a"}, {"a"}, {"a"}),
        ("del a", {"a"}, {"a"}, {"a"}),
        ("def f(x):\n    return x + y", {"f"}, {"y"}, set()),
        ("def f():\n    global y\n    y = 1", {"f", "y"}, {"y"}, set()),
        ("def f():\n    a.append(1)", {"f"}, {"a"}, {"a"}),
        ("class C(B):\n    x = y", {"C"}, {"B", "y"}, set()),
        ("b = [x for x in a if x > c]", {"b"}, {"a", "c"}, set()),
        ("f = lambda x: x + a", {"f"}, {"a"}, set()),
        ("with open('f') as f:\n    t = f.read()", {"f", "t"}, set(), set()),
        ("for row in a:\n    row.append(1)", {"row"}, {"a"}, {"a"}),
        ("b = [row for row in a]\nb[0]['x'] = 1", {"b"}, {"a"}, {"a"}),
        ("for line in a:\n    print(line.split())", {"line"}, {"a"}, set()),
        ("c = [len(row) for row in a]\nc.append(1)", {"c"}, {"a"}, set()),
        ("one, (two, *rest) = a.items()\nrest.pop()", {"one", "two", "rest"}, {"a"}, {"a"}),
        ("try:\n    a\nexcept E as e:\n    pass", {"e"}, {"a", "E"}, set()),
        ("(b := a)", {"b"}, {"a"}, set()),
        ("a: int = b", {"a"}, {"b"}, set()),
    ],
)
def test_names_are_read_from_the_syntax(code, defines, uses, mutates):
    found = names(code, a=[])
    assert (found.defines, found.uses, found.mutates) == (defines, uses, mutates)
    assert not found.barrier and not found.defines_any


def test_what_a_name_of_the_cell_holds_is_changed_with_it():
    frame = pandas.DataFrame({"a": [1]})
    notebook = {"rows": [[1]], "frame": frame, "array": numpy.zeros(4), "np": numpy, "text": "a b", "table": {"k": [1]}}
    for code, changed in [
        ("al = rows if text else []\nal.append(6)", "rows"), ("view = array.reshape(2, 2)\nview[0] = 1", "array"), ("for key, held in table.items():\n    held.append(key)", "table"),
        ("boxes = [rows]\nboxes[0].pop()", "rows"), ("other = frame if text else frame.copy()\nother['b'] = 1", "frame"), ("[row.append(1) for row in rows]", "rows"),
        ("if (last := rows[-1]):\n    last.clear()", "rows"), ("first = next(iter(rows))\nfirst.sort()", "rows"), ("column = frame['a']\ncolumn.iloc[0] = 2", "frame"),
    ]:  # fmt: skip
        assert changed in names(code, **notebook).mutates, code
    for code in (
        "total = np.sum(array)\ntotal += 1", "words = text.split()\nwords.sort()", "grouped = frame.groupby('a').mean()\ngrouped['c'] = 1", "longest = [len(row) for row in rows]\nlongest.sort()",
        "for row in rows:\n    print(row.count(1), row.index(1))", "copied = array.copy()\ncopied.sort()",
    ):  # fmt: skip
        assert names(code, **notebook).mutates == set(), code


def test_what_cannot_be_changed_is_not_changed():
    assert names("math.sqrt(2)\ntext.upper()", math=types.ModuleType("math"), text="x").mutates == set()
    assert names("rows.pop()", rows=[1]).mutates == {"rows"}


def test_methods_of_frames_change_them_only_where_they_are_known_to():
    frame = polars.DataFrame({"a": [1]})
    for code in ("frame.select('a').rows()", "b = frame.filter(polars.col('a') > 0)", "frame['a'].to_list()"):
        found = names(code, frame=frame, polars=polars)
        assert found.mutates == set() and "frame" in found.uses, code
    for code in ("frame.extend(frame)", "frame.drop_in_place('a')", "frame[0, 'a'] = 2", "def f():\n    frame.extend(frame)"):
        assert "frame" in names(code, frame=frame, polars=polars).mutates, code
    assert names("column.append(column)", column=frame["a"]).mutates == {"column"}
    assert names("table.set_column(0, 'a', b)", table=pyarrow.table({"a": [1]})).mutates == set()
    assert names("frame.select('a')").mutates == {"frame"}


def test_a_name_of_pythons_own_is_used_only_where_the_notebook_has_it():
    assert names("sum(a)").uses == {"a"}
    assert names("sum(a)", sum=print).uses == {"a", "sum"}


@pytest.mark.parametrize("code", ["exec(text)", "globals()['a'] = 1", "x =", LINE.format("run", "f.py"), "get_ipython().system('ls')", "a = get_ipython().getoutput('ls')"])
def test_what_cannot_be_read_is_a_barrier(code):
    assert names(code).barrier


def test_to_load_the_extension_again_is_nothing():
    assert not names(LINE.format("load_ext", "kernwerk")).barrier and names(LINE.format("load_ext", "other")).barrier


def test_a_star_makes_any_name():
    assert names("from math import *").defines_any


def test_magics_of_ours_define_what_they_bind():
    found = names(LINE.format("feature", "training rides -> frame") + "\nprint(frame)")
    assert (found.defines, found.uses, found.barrier) == ({"frame"}, set(), False)
    body = "get_ipython().run_cell_magic('feature', 'sql -> rows', 'SELECT 1\\n')"
    assert names(body).defines == {"rows"}


def test_cells_of_magics_alone_are_told_from_others():
    ours = LINE.format("feature", "list")
    assert is_magics_alone(ours, MAGICS) and is_magics_alone(f"{ours}\n{ours}\n", MAGICS)
    for other in ("", "x = 1", f"{ours}\nx = 1", f"x = {ours}", LINE.format("time", "x"), "x ="):
        assert not is_magics_alone(other, MAGICS)


def test_what_a_call_is_given_counts_as_changed_where_nobody_takes_its_value():
    kinds = {"df": [], "k": 3, "q": [], "random": random, "numbers": [2]}
    for code in ("scale(df, k)", "clean(frame=df)", "if k:\n    train(df, k)", "random.shuffle(df)", "df2.fit(df)"):
        assert "df" in names(code, **kinds).mutates and "k" not in names(code, **kinds).mutates, code
    for code in ("y = mean(df)", "print(df)", "len(df)", "q.append(df)", "def f():\n    scale(df)"):
        assert "df" not in names(code, **kinds).mutates, code


def test_hidden_generators_are_begun_anew_by_a_seed_and_changed_by_all_that_draws():
    notebook = {"random": random, "np": numpy, "gauss": random.gauss, "rng": numpy.random.default_rng(1), "df": pandas.DataFrame({"a": [1]})}
    for code, module in [
        ("random.random()", "random"),
        ("y = [gauss(0, 1) for _ in range(3)]", "random"),
        ("x = np.random.normal(size=3) + 1", "numpy.random"),
        ("df.sample(1)", "numpy.random"),
        ("import random as dice\ny = dice.choice([1, 2])", "random"),
        ("if x:\n    random.seed(1)", "random"),
        ("pick = lambda: random.choice([1, 2])", "random"),
    ]:
        found = names(code, **notebook)
        assert f"generator {module}" in found.mutates & found.uses, code
    for code, module in [("random.seed(4)", "random"), ("np.random.seed(0)\nx = np.random.normal()", "numpy.random")]:
        found = names(code, **notebook)
        assert f"generator {module}" in found.defines - found.uses - found.mutates, code
    for code in ("rng.normal()", "r = random.Random(3)", "g = np.random.default_rng(2)", "def roll():\n    return random.random()"):
        assert not any(name.startswith("generator") for name in names(code, **notebook).mutates), code


def test_a_cell_that_changes_the_process_is_a_barrier():
    notebook = {"os": os, "subprocess": subprocess, "sys": sys, "environ": os.environ, "getenv": os.getenv}
    for code in (
        "os.environ['A'] = 'b'", "os.environ.update(A='b')", "del environ['A']", "environ.pop('A')", "os.chdir('..')", "subprocess.run(['ls'])",
        "from subprocess import run\nrun('ls')", "sys.path.insert(0, 'lib')", "import os as system\nsystem.system('ls')", "if x:\n    os.putenv('A', 'b')",
        "def f():\n    os.system('ls')\nf()",
    ):  # fmt: skip
        assert names(code, **notebook).barrier, code
    for code in ("os.environ['A']", "home = environ.get('HOME')", "getenv('A')", "d = {}\nd['a'] = os.environ['A']", "def f():\n    os.system('ls')", "os.getcwd()"):
        assert not names(code, **notebook).barrier, code


def test_what_a_package_is_set_to_is_used_with_it():
    frame = pandas.DataFrame({"a": [1]})
    for code, package in [
        ("pd.set_option('display.precision', 2)", "pandas"), ("pd.options.display.precision = 2", "pandas"), ("decimal.getcontext().prec = 3", "decimal"),
        ("from decimal import getcontext\ngetcontext().prec = 3", "decimal"),
    ]:  # fmt: skip
        assert f"module {package}" in names(code, pd=pandas, decimal=decimal).mutates, code
    assert "module pandas" in names("frame", frame=frame).uses and names("frame", frame=frame).mutates == set()


def test_files_that_are_written_and_read_are_seen():
    for code in ("open(p, 'w')", "Path(p).open(mode='a')", "df.to_csv(p)", "with open(p, mode) as f:\n    pass", "import shutil\nshutil.copy(a, b)", "json.dump(a, f)"):
        assert names(code).writes_files, code
    for code in ("open(p)", "open('a.txt', 'rb').read()", "text.replace('a', 'b')", "numbers.remove(1)", "frame.to_dict()"):
        assert not names(code).writes_files, code
    for code in ("open(p)", "pl.read_csv(p)", "Path(p).read_text()", "os.path.exists(p)", "np.load(stem + '.npy')"):
        assert names(code).reads_hidden, code
    for code in ("open('a.txt')", "pl.read_csv('a.csv')", "Path('a.txt').read_text()", "x = 1"):
        assert not names(code).reads_hidden, code


def test_calls_of_which_nothing_is_known_may_change_what_they_are_given():
    notebook = {"__name__": "__main__", "np": numpy, "table": pandas.DataFrame({"a": [1]}), "rows": [1], "heapq": heapq, "heap": [1], "n": 3}
    exec("import functools\n@functools.cache\ndef cached(k):\n    return k", notebook)
    exec("def grow(l):\n    l.append(1)\ndef double(x):\n    return x * 2", notebook)
    for code, perhaps in [
        ("y = grow(rows)", {"rows"}), ("y = cached(2)", {"cached"}), ("top = heapq.heappop(heap)", {"heap"}), ("y = unknown(rows, n)", {"rows"}), ("y = list(map(grow, rows))", {"rows"}),
        ("y = double(rows)", set()), ("y = sorted(rows)", set()), ("y = np.mean(rows)", set()), ("y = table.merge(table)", set()), ("np.random.shuffle(rows)", {"rows"}),
    ]:  # fmt: skip
        assert of_cell(code, MAGICS, notebook).perhaps == perhaps, code


def test_magics_that_may_not_run_are_seen():
    line = LINE.format("feature", "list")
    assert names(f"if n:\n    {line}").chooses_magics and names(f"for i in a:\n    {line}").chooses_magics
    assert not names(f"x = 1\n{line}").chooses_magics


def test_a_function_of_the_notebook_changes_what_its_code_changes():
    notebook = {"__name__": "__main__"}
    exec("class Acc:\n    total = 0\n    kept = []\ncounter = 0\nlog = []\nlimit = 3", notebook)
    exec("def add(n):\n    Acc.total += n\ndef count():\n    global counter\n    counter += limit", notebook)
    exec("def note(x):\n    log.append(x)\ndef outer(n):\n    return add(n)\ndef double(n):\n    return n * 2", notebook)
    def names_of(code):
        return of_cell(code, MAGICS, notebook)

    assert names_of("Acc.kept.append(1)").mutates == {"Acc"} and names_of("Acc.kept.count(1)").mutates == set()
    for code, changed in [("add(1)", "Acc"), ("y = add(1)", "Acc"), ("count()", "counter"), ("note(1)", "log"), ("z = outer(2)", "Acc")]:
        assert names_of(code).mutates == {changed}, code
    assert names_of("y = double(2)").mutates == set()


def test_the_dictionary_of_a_value_is_the_value():
    space = types.SimpleNamespace(z=0)
    assert "space" in names("vars(space)['z'] = 1", space=space).mutates
    assert names("vars()['space'] = 1", space=space).barrier and not names("vars(space)", space=space).barrier
