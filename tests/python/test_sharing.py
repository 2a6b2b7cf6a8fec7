"""Which values share what can change, which were changed, and which names a statement reads before it binds them: by what Python does, without a kernel."""

import ast

import pytest
from kernwerk import changed, names, sharing
from kernwerk.assigned import read_before
from kernwerk.observed import Observed

# A cell, and the groups of names that must share something behind it.
SHARED = [
    ("a = [1]; b = a; c = [1]", ["a b"]),
    ("a = [1]; b = [a]; c = (a, 2); d = {'k': {'j': a}}", ["a b c d"]),
    ("a = [1]; b = a[:]; c = list(a); d = tuple(a)", []),
    ("a = 'x'; b = a; c = 7; d = c; e = None; f = e; g = (1, 'x'); h = g", []),
    ("import math, json; a = math; b = json; c = math.sqrt; d = [c]; e = [c]", []),
    ("import numpy as np; a = np.arange(6); b = a[::2]; c = a.reshape(2, 3)[1]; d = a * 2; e = np.zeros(6); f = e.copy()", ["a b c"]),
    ("import numpy as np; a = bytearray(8); b = np.frombuffer(a, dtype='u1'); c = memoryview(a)", ["a b c"]),
    ("import numpy as np; a = [1]; b = np.array([a, None], dtype=object); c = np.array(['x', None], dtype=object); d = c.copy()", ["a b"]),
    ("import pandas as pd; a = pd.DataFrame({'x': [3, 1], 'y': ['u', 'v']}); b = a.copy(); c = a[a.x > 1]; d = a['x']; e = a.groupby('y').x.sum(); f = a.sort_values('x')", ["a d"]),
    ("import pandas as pd; a = pd.DataFrame({'x': range(5000), 'y': [str(n) for n in range(5000)]}); b = a.head(4000).copy(); c = a.columns; d = a.index", ["a c d"]),
    ("import polars as pl; a = pl.DataFrame({'x': [1]}); b = a; c = a.with_columns(y=1)", ["a b"]),
    ("def f(v, kept=[]): kept.append(v)\ng = f; h = f.__defaults__[0]", ["f g h"]),
    ("a = [1]\ndef f(): return a\ndef g(): return 1", ["a f"]),
    ("a = [1]\ndef outer():\n    kept = a\n    def inner(): kept.append(1)\n    return inner\nb = outer()\nc = [2]", ["a b outer"]),
    ("a = [1]; b = a.append; c = [2].append", ["a b"]),
    ("import functools; a = [1]\nb = functools.partial(print, a)\nc = functools.lru_cache(len)", ["a b"]),
    ("a = [1]; b = iter(a); c = zip(a, [2]); d = iter([1])", ["a b c"]),
    ("a = [1]\ndef walk():\n    for one in a:\n        yield one\nb = walk()\nc = (n for n in [1])", ["a b walk"]),
    ("class A:\n    kept = []\na = A(); b = A(); c = A.kept; d = [1]", ["A a b c"]),
    ("import dataclasses\n@dataclasses.dataclass\nclass P:\n    x: int\n    held: list\na = [1]; p = P(1, a)", ["P a p"]),
    ("import weakref\nclass A: pass\na = A(); b = weakref.ref(a); c = [1]", ["A a b"]),
    ("import types, collections; a = [1]; b = types.SimpleNamespace(v=a); c = collections.deque([a]); d = collections.Counter('aab')", ["a b c"]),
    ("a = [{'n': n} for n in range(5000)]; b = [0]; c = [n for n in range(5000)]", ["a b c"]),
    ("a = list(range(5000)); b = [0]; c = {n: str(n) for n in range(5000)}", []),
    ("import random; a = random.Random(1); b = a.choice; c = random.Random(1); d = random.gauss", ["a b"]),
    ("import pathlib, re, datetime, decimal, uuid, fractions; a = pathlib.Path('x'); b = a; c = re.compile('x'); d = c; e = datetime.datetime(2026, 1, 1); f = e", []),
    ("import json, io; a = io.StringIO('x'); b = a; c = io.StringIO('x')", ["a b"]),
    ("import sqlite3; a = sqlite3.connect(':memory:'); b = a.cursor(); c = [1]", ["a b"]),
    ("T = type('T', (), {'__module__': 'unheard.of'}); a = T(); b = [1]; c = 1; del T", None),
]  # fmt: skip


def namespace_of(code: str) -> dict:
    namespace = {"__name__": "__main__"}
    exec(code, namespace)
    return namespace


@pytest.mark.parametrize(("code", "groups"), SHARED, ids=[code[:60] for code, _ in SHARED])
def test_names_share_what_can_change(code, groups):
    namespace = namespace_of(code)
    names = {name for name in namespace if not name.startswith("__")}
    found = sharing.look(names, namespace)[0]
    if groups is None:
        # Of the package nothing is known: all that can change may share.
        assert found == [{"a", "b"}]
    else:
        assert sorted(" ".join(sorted(group)) for group in found) == sorted(groups)


# What is given, a call, and whether it changes that.
CHANGES = [
    ("a = [1, [2]]", "a[1].append(3)", True),
    ("a = [1, [2]]", "sum(a[1])", False),
    ("a = {'k': {'j': 1}}", "a['k']['j'] = 2", True),
    ("a = {'k': 1}", "a['k'] = 1", False),
    ("import numpy as np; a = np.arange(9.0)", "a[3] = 0", True),
    ("import numpy as np; a = np.arange(9.0)", "a.sum()", False),
    ("import pandas as pd; a = pd.DataFrame({'x': [3, 1]})", "a['y'] = 1", True),
    ("import pandas as pd; a = pd.DataFrame({'x': [3, 1]})", "a.loc[0, 'x'] = 9", True),
    ("import pandas as pd; a = pd.DataFrame({'x': [3, 1]})", "a.rename(columns={'x': 'z'}, inplace=True)", True),
    ("import pandas as pd; a = pd.DataFrame({'x': [3, 1], 'y': ['u', 'v']})", "a.groupby('y').x.sum(); a.describe(); str(a); a._repr_html_()", False),
    ("import pandas as pd; a = pd.DataFrame({'y': ['u', 'v']})", "a.loc[1, 'y'] = 'w'", True),
    ("class A:\n    v = 1\na = A()", "a.v = 2", True),
    ("class A:\n    v = 1\na = A()", "A.v = 2", True),
    ("import collections; a = collections.deque([1], maxlen=2)", "a.append(1)", True),
    ("a = list(range(5000))", "a[2500] = -1", True),
    ("a = set(range(50))", "a.discard(7)", True),
    ("a = bytearray(4)", "a[1] = 1", True),
    ("def f(): pass\na = [f]", "f.kept = 1", True),
]


@pytest.mark.parametrize(("code", "action", "is_changed"), CHANGES)
def test_a_change_is_seen_and_a_look_is_none(code, action, is_changed):
    namespace = namespace_of(code)
    seen = changed.look(["a"], namespace)
    exec(action, namespace)
    assert changed.compare(seen, set(), namespace)[0] == ({"a"} if is_changed else set())


def test_what_is_too_large_to_tell_is_changed_only_by_functions_that_change_something():
    namespace = namespace_of("import numpy as np\na = np.zeros((4000, 100))\nb = [{'n': n} for n in range(5000)]\nc = [1]")
    seen = changed.look(["a", "b", "c"], namespace)
    assert changed.compare(seen, {"a", "b", "c"}, namespace) == ({"a", "b"}, {"c"}) and changed.compare(seen, set(), namespace) == (set(), {"c"})
    namespace["a"][:] = 1
    assert changed.compare(seen, set(), namespace) == ({"a"}, {"c"})


READ = [
    ("for row in rows:\n    total += row", "rows total"),
    ("for i in range(n):\n    if i: print(last)\n    last = i", "last n print range"),
    ("with open(path) as file, lock(file) as held:\n    text = file.read() + held", "lock open path"),
    ("try:\n    a = f()\nexcept E as error:\n    print(error, a)\nelse:\n    b = a\nfinally:\n    print(b)", "E a b f print"),
    ("if x:\n    y = 1\n    z = y\nelse:\n    z = y", "x y"),
    ("y = [x + k for x in z for w in x if w]", "k z"),
    ("g = lambda q=d: n", "d"),
    ("def f(x: Foo = d) -> Bar:\n    return q", "Bar Foo d"),
    ("class A(B):\n    x = y\n    z = x\n    def f(self, a=x): return w", "B y"),
    ("match p:\n    case [x, *rest] if x > z: print(rest)\n    case {'k': k, **more}: print(k, more)", "p print z"),
    ("x += 1", "x"),
    ("del a, b[0]", "a b"),
    ("a[i].b = x = c", "a c i"),
    ("x = x", "x"),
]


@pytest.mark.parametrize(("statement", "names"), READ)
def test_what_is_read_before_it_is_bound(statement, names):
    assert " ".join(sorted(read_before(ast.parse(statement).body[0]))) == names


class Cell:
    """Takes down what is told of a cell."""

    def __init__(self):
        self.told = {}

    def __getattr__(self, name):
        return lambda *given: self.told.update({name: given})


EVIL = """
import weakref
class Evil:
    def __getattribute__(self, name):
        raise RuntimeError(name)
    def __eq__(self, other):
        raise RuntimeError('eq')
    def __hash__(self):
        raise RuntimeError('hash')
    def __iter__(self):
        raise RuntimeError('iter')
class Listing(list):
    def __iter__(self):
        raise RuntimeError('iter')
    def __len__(self):
        return 7
class Gone: pass
gone = Gone()
proxy = weakref.proxy(gone)
reference = weakref.ref(gone)
del gone
evil, listing, many = Evil(), Listing([1]), {'e': Evil()}
ring = []
ring.append(ring)
"""


def test_values_that_do_not_bear_being_looked_at_break_no_cell():
    variables = namespace_of(EVIL)
    observed = Observed(variables)
    for name in ("evil", "listing", "proxy", "reference", "many", "ring"):
        for code in (f"f({name})", f"x = {name}", f"{name}.a = 1", f"for k in {name}: pass"):
            cell = Cell()
            observed.begin(names.of_cell(code, set(), variables))
            observed.end(cell)
            assert set(cell.told) in (set(), {"shares", "binds", "changes"}), code
    cell = Cell()
    observed.begin(names.of_cell("ring.append(1)", set(), variables))
    variables["ring"].append(1)
    observed.end(cell)
    assert "ring" not in cell.told["changes"][1]
    observed.begin(None)
    observed.end(cell)
