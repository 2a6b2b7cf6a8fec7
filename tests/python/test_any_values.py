"""A cell that does nothing at the recorded value of a parameter may do something at another: a run gives what the whole notebook would give."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from face import IPython

from artifact import Project

# What each case has before the parameter acts, the cell in which it acts, and what is read of it later.
CASES = {
    "file": ("def spot(stem):\n    return stem + '.txt'\ndef note(path, text):\n    with open(path, 'w') as file:\n        file.write(text)\nnote(spot('kept'), '1')", "if n > 1:\n    note(spot('kept'), '9')", "open('kept.txt').read()"),
    "process": ("note(spot('told'), '1')", "if n > 1:\n    import subprocess\n    subprocess.run(['sh', '-c', 'printf 9 > told.txt'], check=True)", "open(spot('told')).read()"),
    "system": ("note('said.txt', '1')", "import os\nif n > 1:\n    os.system('printf 9 > said.txt')", "open('said.txt').read()"),
    "environment": ("import os", "if n > 1:\n    os.environ['KERNWERK_CASE'] = '9'", "os.environ.get('KERNWERK_CASE', '1')"),
    "view": ("import numpy as np\nbase = np.zeros(4)\nview = base[:2]", "np.add(view, n - 1, out=view)", "base.tolist()"),
    "into": ("import numpy as np\nsums = np.zeros(2)", "given = np.add(sums, n - 1, out=sums)", "sums.tolist()"),
    "chance": ("import random\nrandom.seed(7)", "for _ in range(n - 1):\n    random.random()", "random.randint(0, 10**6)"),
    "imported": ("from random import seed, gauss\nseed(7)", "drawn = [gauss(0, 1) for _ in range(n - 1)]", "gauss(0, 1)"),
    "arrays": ("import numpy as np\nnp.random.seed(3)", "drawn = np.random.normal(size=n - 1)", "float(np.random.normal())"),
    "class": ("class Tally:\n    total = 0\n    @classmethod\n    def more(cls, k):\n        cls.total += k", "for _ in range(n - 1):\n    Tally.more(2)", "Tally.total"),
    "instance": ("class Shelf:\n    books = []\n    def put(self, book):\n        if book > 1:\n            self.books.append(book)\nshelf = Shelf()", "Shelf().put(n)", "shelf.books"),
    "closure": ("def counter():\n    kept = []\n    def more(k):\n        kept.extend(range(k))\n    def told():\n        return len(kept)\n    return more, told\nmore, told = counter()", "more(n - 1)", "told()"),
    "nonlocal": ("def meter():\n    count = 0\n    def tick(k):\n        nonlocal count\n        count += k\n        return count\n    return tick\ntick = meter()", "ticked = tick(n - 1)", "tick(0)"),
    "default": ("def gather(k, into=[]):\n    into.extend([1] * k)\n    return sum(into)", "gathered = gather(n - 1)", "gather(0)"),
    "argument": ("def grow(list_, k):\n    if k:\n        list_.append(k)\n    return len(list_)\ngrown = []", "size = grow(grown, n - 1)", "grown"),
    "iterator": ("stream = iter(range(9))", "taken = [item for item, _ in zip(stream, range(n - 1))]", "next(stream)"),
    "attribute": ("def labelled():\n    return labelled.label\nlabelled.label = 'a'", "if n > 1:\n    labelled.label = 'b'", "labelled()"),
    "callback": ("def push(k):\n    pushed.append(k)\npushed = []", "done = list(map(push, range(n - 1)))", "pushed"),
    "wrapped": ("import functools\nlogged = []\ndef logs(function):\n    @functools.wraps(function)\n    def inner(*given):\n        logged.append(function.__name__)\n        return function(*given)\n    return inner\n@logs\ndef twice(k):\n    return 2 * k", "doubled = [twice(k) for k in range(n - 1)]", "logged"),
    "frame": ("import pandas as pd\ntable = pd.DataFrame({'a': [3, 1, 2]})", "if n > 1:\n    table.sort_values('a', inplace=True)", "table['a'].tolist()"),
    "precision": ("from decimal import Decimal, getcontext", "if n > 1:\n    getcontext().prec = 4", "str(Decimal(1) / 3)"),
    "settings": ("shown = pd.DataFrame({'a': [0.123456789]})", "pd.set_option('display.precision', 2 * n)", "repr(shown)"),
    "module": ("import beside", "told_beside = beside.more(n - 1)", "beside.count"),
    "taken": ("from beside import note_down", "length = note_down(n)", "beside.notes"),
    "manager": ("opened = []\nclass Door:\n    def __enter__(self):\n        opened.append(n)\n    def __exit__(self, *error):\n        pass", "for _ in range(n - 1):\n    with Door():\n        pass", "opened"),
    "operator": ("class Sum:\n    seen = []\n    def __add__(self, other):\n        Sum.seen.append(other)\n        return self\nsum_ = Sum()", "for k in range(n - 1):\n    other = sum_ + k", "Sum.seen"),
    "handlers": ("handled = []\nhandlers = {'add': lambda k: handled.extend(range(k))}", "got = handlers['add'](n - 1)", "handled"),
    "property": ("class Peeked:\n    def __init__(self):\n        self.looks = 0\n    @property\n    def peek(self):\n        self.looks += n - 1\n        return self.looks\npeeked = Peeked()", "peeked.peek", "peeked.looks"),
    "item": ("class Asked:\n    keys = []\n    def __getitem__(self, key):\n        self.keys.extend([key] * (n - 1))\n        return 0\nasked = Asked()", "asked[3]", "Asked.keys"),
    "shown": ("class Card:\n    shown = 0\n    def __repr__(self):\n        Card.shown += n - 1\n        return 'card'\ncard = Card()", "print(card)", "Card.shown"),
    "ordered": ("class Ordered:\n    asked = []\n    def __lt__(self, other):\n        self.asked.extend(range(n - 1))\n        return True", "print(len(sorted([Ordered(), Ordered()])))", "Ordered.asked"),
    "descriptor": ("class Counting:\n    def __get__(self, owner, kind):\n        kind.count += n - 1\n        return 1\nclass Counted:\n    count = 0\n    value = Counting()", "print(Counted.value)", "Counted.count"),
    "partial": ("rows_ = []\nadd_row = functools.partial(rows_.append)", "if n > 1:\n    add_row(n)", "rows_"),
    "cache": ("rate = 1.0\n@functools.lru_cache\ndef price(k):\n    return k * rate", "previews = [price(k) for k in range(n)]\nrate = 2.0", "[price(k) for k in range(4)]"),
    "configured": ("class Config:\n    rate = 1\ndef override(config, **values):\n    for name, value in values.items():\n        setattr(config, name, value)", "if n > 1:\n    override(Config, rate=n)", "Config.rate"),
    "dispatch": ("@functools.singledispatch\ndef told_of(x):\n    return 'any'", "if n > 1:\n    @told_of.register\n    def _(x: int):\n        return 'int'", "told_of(3)"),
    "plugins": ("class Plugin:\n    known = []\n    def __init_subclass__(cls):\n        Plugin.known.append(cls.__name__)", "if n > 1:\n    class Extra(Plugin):\n        pass", "Plugin.known"),
    "logged": ("import io\nimport logging\nheard = io.StringIO()\nlogging.getLogger('kernwerk.case').addHandler(logging.StreamHandler(heard))", "if n > 1:\n    logging.getLogger('kernwerk.case').warning('n is %d', n)", "heard.getvalue()"),
    "listed": ("os.makedirs('found', exist_ok=True)", "for k in range(n - 1):\n    open(os.path.join('found', str(k)), 'w').close()", "sorted(os.listdir('found'))"),
    "flag": ("from pathlib import Path", "if n > 1:\n    Path('DONE').touch()", "Path('DONE').exists()"),
    "database": ("import sqlite3\ndatabase = sqlite3.connect('ca' + 'se.db')\ndatabase.execute('create table if not exists held (k)')\ndatabase.commit()", "if n > 1:\n    with sqlite3.connect('case.db') as other:\n        other.execute('insert into held values (1)')", "database.execute('select count(*) from held').fetchone()[0]"),
    "library": ("import heapq\nheap = [1, 2, 3, 4]", "least = [heapq.heappop(heap) for _ in range(n - 1)]", "heap"),
}  # fmt: skip
BESIDE = "count = 0\nnotes = []\n\n\ndef more(k):\n    global count\n    count += k\n    return k\n\n\ndef note_down(k):\n    if k > 1:\n        notes.append(k)\n    return k\n"
# What only looks is no part of any pipeline.
LOOKING = [
    "table.head(n)",
    "print(base, sums.mean(), n)",
    "table.groupby('a').size().sort_values().head(n)",
    "np.quantile(base, 0.5 / n)",
    "f'{n} rides'.upper()",
]
RESULTS = [f"{name}_result = {read}" for name, (_, _, read) in CASES.items()]
TARGET = f"whole = {{{', '.join(f'{name!r}: {name}_result' for name in CASES)}}}"
CELLS = [cell for before, acting, _ in CASES.values() for cell in (before, acting)]


def whole_notebook(directory, n: int) -> dict:
    """What a plain Python makes of all the cells."""
    directory = Path(tempfile.mkdtemp(dir=directory))
    (directory / "beside.py").write_text(BESIDE)
    code = "\n".join([f"n = {n}", *CELLS, *RESULTS, TARGET, "import json\nprint(json.dumps(whole))"])
    made = subprocess.run([sys.executable, "-c", code], cwd=directory, check=True, capture_output=True, text=True)
    return json.loads(made.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    project = Project(tmp_path_factory.mktemp("values"))
    environment = {"JPY_SESSION_NAME": str(project.directory / "values.ipynb"), "PYTHONHASHSEED": "0", "TZ": "UTC"}
    project.write("beside.py", BESIDE)
    with IPython(project.directory, environment) as kernel:
        kernel.run("%lab init").ok()
        for cell in ["%promote param n=1", *CELLS, *LOOKING, *RESULTS, TARGET]:
            kernel.run(cell).ok()
        kernel.run("%promote publish whole --target whole").ok()
    return project


def test_a_run_with_another_value_gives_what_the_whole_notebook_would(project, tmp_path):
    recorded = whole_notebook(tmp_path, 1)
    # What a run keeps for later ones makes no difference to them.
    for n in (3, 2, 3):
        report = project("promote", "run", "whole", "--param", f"n={n}", "--format", "json", seconds=300)
        report.ok()
        record = report.json()
        given = json.loads((project.directory / ".kernwerk" / "runs" / record["id"] / record["result"]["file"]).read_text())
        expected = whole_notebook(tmp_path, n)
        for name in CASES:
            assert expected[name] != recorded[name], f"the case {name} tells nothing"
            assert given[name] == expected[name], (n, name, given[name])


def test_cells_that_only_look_are_left_out(project):
    texts = [path.read_text().strip() for path in (project.directory / "pipelines" / "whole" / "1" / "cells").iterdir()]
    for cell in LOOKING:
        assert cell not in texts, cell
    assert all(acting in texts for _, acting, _ in CASES.values())
