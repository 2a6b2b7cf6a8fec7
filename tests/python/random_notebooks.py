"""Random notebooks with a parameter `n`: objects that share things, cells that do something to them for other values of `n` than 1, and a target that reads some.

For each object how it is made and what is read of it, and which others it needs; for each action which objects it needs.
"""

import random

# By its name: how an object is made, and what it needs.
OBJECTS = {
    "rows": ("rows = [3, 1, 2]", []),
    "same": ("same = rows", ["rows"]),
    "nested": ("nested = [rows, [9]]", ["rows"]),
    "array": ("import numpy as np\narray = np.arange(6.0)", []),
    "view": ("view = array[::2]", ["array"]),
    "table": ("table = {'k': rows, 'm': 1}", ["rows"]),
    "Shelf": (
        "class Shelf:\n    items = []\n    def __init__(self, k=0):\n        self.k = k\n    def add(self, v):\n        self.k += v\n        self.items.append(v)\n"
        "        return self\n    @classmethod\n    def reset(cls, v):\n        cls.items = [v]\n    @property\n    def peek(self):\n        self.items.append(-1)\n        return self.k\n"
        "    def __len__(self):\n        self.k += 1\n        return 3",
        [],
    ),
    "shelf": ("shelf = Shelf()", ["Shelf"]),
    "gather": ("def gather(x, v=[]):\n    v.append(1)\n    x.append(len(v))\n    return sum(v)", []),
    "scale": ("def scale(k):\n    return k * len(rows)", ["rows"]),
    "count": ("count = 4", []),
    "more": ("def more(k):\n    global count\n    count = count + k\n    return scale(k)", ["count", "scale"]),
    "limit": ("limit = 5", []),
    "chance": ("import random\nrandom.seed(5)", []),
    "stream": ("stream = iter(range(100))", []),
    "meter": ("def meter():\n    kept = {'t': 0}\n    def tick(k):\n        kept['t'] += k\n    def told():\n        return kept['t']\n    return tick, told\ntick, told = meter()", []),
    "log": ("def log(name, text):\n    with open(name + '.txt', 'a') as file:\n        file.write(text)\nlog('log', 'a')", []),
    "counted": ("import functools\ndef counting(function):\n    @functools.wraps(function)\n    def inner(*given):\n        inner.calls += 1\n        return function(*given)\n    inner.calls = 0\n    return inner\n@counting\ndef counted(k):\n    return k + 1", []),
    "steps": ("def walk():\n    k = 0\n    while True:\n        k += 1\n        rows.append(k)\n        yield k\nsteps = walk()", ["rows"]),
    "partial": ("import functools\npartial = functools.partial(gather, rows)", ["gather", "rows"]),
    "space": ("import types\nspace = types.SimpleNamespace(v=[1], z=0)", []),
    "queue": ("from collections import Counter, defaultdict, deque\nqueue = deque([1, 2, 3], maxlen=4)\ngroups = defaultdict(list)\nletters = Counter('abca')", []),
    "frame": ("import pandas as pd\nframe = pd.DataFrame({'a': [3.0, 1.0, 2.0], 'b': [1, 2, 3]})", []),
    "column": ("column = frame['a']", ["frame"]),
    "cached": ("import functools\n@functools.lru_cache\ndef cached(k):\n    return k + len(rows)", ["rows"]),
    "heap": ("import heapq\nheap = [1, 5, 9]", []),
    "append": ("append = rows.append", ["rows"]),
    "Door": ("class Door:\n    def __enter__(self):\n        rows.append(7)\n        return self\n    def __exit__(self, *error):\n        return False", ["rows"]),
}  # fmt: skip

READS = {
    "rows": "rows", "same": "same", "nested": "nested", "array": "array.tolist()", "view": "view.tolist()", "table": "table", "Shelf": "Shelf.items",
    "shelf": "(shelf.k, list(shelf.items))", "gather": "gather([])", "scale": "scale(2)", "count": "count", "more": "(count, more(1))", "limit": "limit",
    "chance": "random.randint(0, 10**6)", "stream": "next(stream)", "meter": "told()", "log": "open('log.txt').read()", "counted": "counted.calls", "steps": "next(steps)",
    "partial": "partial()", "space": "(space.v, space.z)", "queue": "(list(queue), dict(groups), dict(letters))", "frame": "frame.to_dict('list')",
    "column": "column.tolist()", "heap": "heap", "cached": "cached(0)", "append": "rows", "Door": "rows",
}  # fmt: skip

ACTIONS = [
    (["rows"], "for k in range(n - 1):\n    rows.append(k)"), (["same"], "if n > 1:\n    same.pop()"), (["nested"], "nested[0].extend(range(n - 1))"),
    (["array"], "if n > 1:\n    array[0] += 5"), (["view"], "scaled = np.multiply(view, n, out=view)"), (["table"], "table['k'].extend([n] * (n - 1))"),
    (["table"], "if n > 2:\n    table['m'] = n"), (["shelf"], "for k in range(n - 1):\n    shelf.add(k)"), (["Shelf"], "if n > 1:\n    Shelf.reset(n)"), (["Shelf"], "if n > 1:\n    Shelf.items.extend([n, n])"),
    (["cached"], "asked = [cached(k) for k in range(n - 1)]"),
    (["shelf"], "peeked = [shelf.peek for _ in range(n - 1)]"), (["shelf"], "length = len(shelf) if n > 1 else 0"), (["gather", "rows"], "sum_ = gather(rows) if n > 1 else 0"),
    (["gather"], "sums = [gather([]) for _ in range(n - 1)]"), (["more"], "scaled_ = more(n - 1)"), (["chance"], "drawn = [random.random() for _ in range(n - 1)]"),
    (["chance"], "from random import choice\nchosen = [choice([1, 2]) for _ in range(n - 1)]"), (["stream"], "taken = [next(stream) for _ in range(n - 1)]"),
    (["stream"], "pairs = dict(zip(range(n - 1), stream)) if n > 1 else {}"), (["meter"], "tick(n - 1)"), (["log"], "if n > 1:\n    log('log', str(n))"),
    (["log"], "if n > 2:\n    import os\n    os.rename('log.txt', 'old.txt')\n    log('log', 'z')"), (["counted"], "twice = sum(counted(k) for k in range(n - 1))"),
    (["steps"], "went = [next(steps) for _ in range(n - 1)]"), (["partial"], "parts = [partial() for _ in range(n - 1)]"), (["space"], "if n > 1:\n    space.z = n"),
    (["space"], "space.v.extend(range(n - 1))"), (["queue"], "queue.extend(range(n - 1))"), (["queue"], "found = [groups[k] for k in range(n - 1)]"),
    (["queue"], "letters.update('a' * (n - 1))"), (["frame"], "if n > 1:\n    frame.loc[0, 'a'] = n"), (["frame"], "if n > 1:\n    frame['c'] = frame['a'] * n"),
    (["frame"], "if n > 1:\n    frame.drop(columns='b', inplace=True)"), (["column"], "if n > 1:\n    column.iloc[1] = 99"), (["heap"], "least = [heapq.heappop(heap) for _ in range(n - 1)]"),
    (["heap"], "if n > 1:\n    heapq.heappush(heap, n)"), (["append"], "for k in range(n - 1):\n    append(k)"), (["Door"], "for _ in range(n - 1):\n    with Door():\n        pass"),
    (["rows"], "if n > 1:\n    rows, other = [8] + rows, 1"), (["count"], "if n > 1:\n    count = count + n"), (["limit"], "limit += n - 1"), (["limit"], "if n > 1:\n    limit = 50"),
    (["rows"], "ordered = sorted(rows, key=lambda v: rows.append(v) if n > 5 else v)"), (["rows"], "done = list(map(rows.append, range(n - 1)))"),
    (["rows", "same"], "if n > 1:\n    rows, same = same[:1], rows"), (["gather", "same"], "gathered = list(map(gather, [same] * (n - 1)))"), (["scale"], "if n > 1:\n    def scale(k):\n        return -k"),
    (["rows"], "try:\n    rows.index(n + 10 if n > 1 else 3)\nexcept ValueError:\n    rows.append(77)"), (["rows"], "del rows[len(rows) - (n > 1):]"), (["space", "rows"], "if n > 1:\n    space.v = rows"),
    (["shelf", "rows"], "if n > 1:\n    shelf.items = rows"), (["queue"], "if n > 1:\n    groups['x'].append(n)"), (["Shelf"], "if n > 1:\n    Shelf.__len__ = lambda self: 50"),
    (["gather"], "if n > 1:\n    gather.__defaults__ = ([1, 1, 1],)"), (["meter"], "handlers = [tick]\nfor handler in handlers:\n    handler(n - 1)"),
    (["nested"], "for row in nested:\n    if n > 1:\n        row.append(n)"), (["array"], "for row in array[None]:\n    row[1] += n - 1"),
    (["table"], "for key, held in table.items():\n    if n > 1 and key == 'k':\n        held.append(5)"), (["space"], "spaces = [space]\nif n > 1:\n    spaces[0].z = 12"),
    (["rows"], "alias = rows if n > 1 else []\nalias.append(6)"), (["array"], "np.put(array, [2], [n * 1.0 + 1]) if n > 1 else None"), (["frame"], "copied = frame if n > 1 else frame.copy()\ncopied['a'] = 0.5"),
    (["chance"], "if n > 1:\n    random.seed(n)"), (["chance", "rows"], "if n > 1:\n    random.shuffle(rows)"),
]  # fmt: skip


def notebook(seed: int) -> list[str]:
    """The cells of a notebook; the last one makes its target, `target`."""
    chance = random.Random(seed)
    actions = chance.sample(ACTIONS, chance.randint(3, 7))
    objects: list[str] = []
    for names, _ in actions:
        for name in names:
            _add(objects, name)
    cells = [OBJECTS[name][0] for name in objects]
    for names, action in actions:
        ready = max(cells.index(OBJECTS[name][0]) for name in names)
        cells.insert(chance.randint(ready + 1, len(cells)), action)
    read = chance.sample(objects, min(len(objects), chance.randint(1, 3)))
    return [*cells, f"target = [{', '.join(READS[name] for name in read)}]"]


def _add(objects: list[str], name: str) -> None:
    for other in OBJECTS[name][1]:
        _add(objects, other)
    if name not in objects:
        objects.append(name)
