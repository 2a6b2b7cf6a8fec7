"""What functions and methods of libraries leave as it is, and what they change: facts of their documentation."""

from __future__ import annotations

import types
from collections.abc import Set

# Frames and arrays whose methods give new ones, by their package and class; but for these, which change them or can be told to.
_OF_PANDAS = {"eval", "insert", "isetitem", "itemset", "pipe", "pop", "setflags", "sort", "update"}
_FRAMES: dict[tuple[str, str], set[str]] = {
    ("numpy", "ndarray"): {"byteswap", "fill", "itemset", "partition", "put", "resize", "setfield", "setflags", "sort"},
    ("pandas", "DataFrame"): _OF_PANDAS,
    ("pandas", "DataFrameGroupBy"): {"pipe"},
    ("pandas", "Series"): _OF_PANDAS,
    ("pandas", "SeriesGroupBy"): {"pipe"},
    ("polars", "DataFrame"): {"drop_in_place", "extend", "hstack", "insert_column", "pipe", "replace_column", "shrink_to_fit", "vstack"},
    ("polars", "LazyFrame"): {"pipe"},
    ("polars", "Series"): {"append", "extend", "rechunk", "scatter", "set_at_idx", "shrink_to_fit", "sort"},
    ("pyarrow", "RecordBatch"): set(),
    ("pyarrow", "Table"): set(),
}
# Arguments by which a function or a method is told to change what it is given or called on.
IN_PLACE = {"in_place", "inplace"}
INTO = {"out"}

# Functions that only look at what they are given; others are called for what they do to it, where nobody takes their value.
LOOKING = {
    "all", "any", "callable", "dir", "display", "format", "hash", "help", "id", "isinstance", "len", "max", "min", "pprint", "print", "repr",
    "sorted", "str", "sum", "type",
}  # fmt: skip
# Methods of containers, which keep what they are given as it is.
KEEPING = {
    "add", "append", "appendleft", "clear", "discard", "extend", "extendleft", "insert", "pop", "remove", "reverse", "setdefault", "sort", "update",
}  # fmt: skip
# Packages whose functions draw or write down what they are given.
SHOWING = {"IPython", "altair", "logging", "matplotlib", "plotly", "pprint", "seaborn", "warnings"}
# Functions of modules that change what the module does from then on, besides those whose names begin with `set_`.
_SETTING = {
    "basicConfig", "filterwarnings", "manual_seed", "rc", "rcdefaults", "reset_option", "seed", "seterr", "setlocale", "setrecursionlimit", "setstate",
    "simplefilter", "switch_backend", "use",
}  # fmt: skip
# Packages whose settings are those of another.
_SETTINGS_OF = {"seaborn": "matplotlib", "pylab": "matplotlib"}
# Packages that draw from the hidden generator of numpy where they are told no other.
DRAWING = {"imblearn", "scipy", "sklearn"}

# Packages whose functions leave their arguments as they are, but for these.
_LEAVING = {
    "_io", "base64", "binascii", "builtins", "calendar", "cmath", "collections", "copy", "dataclasses", "datetime", "decimal", "fractions", "hashlib", "io", "itertools",
    "json", "math", "numpy", "os", "pandas", "pathlib", "polars", "pyarrow", "re", "statistics", "string", "textwrap", "time", "typing", "uuid",
} | SHOWING  # fmt: skip
_BUT = {
    "at", "copyto", "delattr", "fill_diagonal", "place", "put", "put_along_axis", "putmask", "setattr", "shuffle",
}  # fmt: skip


def kind(value: object) -> tuple[str, str]:
    """The package and the name of a value's class."""
    return type(value).__module__.partition(".")[0], type(value).__name__


def package(value: object) -> str:
    """The package that a module, or a function or class of one, belongs to."""
    name = value.__name__ if isinstance(value, types.ModuleType) else getattr(value, "__module__", "")
    return str(name or "").partition(".")[0]


def sets(name: str) -> bool:
    """Whether the function of this dotted name, such as `pandas.set_option`, changes what its module does from then on."""
    last = name.rpartition(".")[2]
    return last in _SETTING or last.startswith("set_")


def settings(package: str) -> str:
    """The name that stands for what a package is set to in the record of cells; no variable has it."""
    return f"module {_SETTINGS_OF.get(package, package)}"


def is_frame(value: object) -> bool:
    """Whether it is a frame or an array whose methods are known."""
    return kind(value) in _FRAMES


def changing(value: object, methods: Set[str]) -> Set[str]:
    """Those of `methods` that may change `value`: all of them, but for frames and arrays whose methods are known."""
    known = _FRAMES.get(kind(value))
    return methods if known is None else methods & known


def leaves_its_arguments(name: str) -> bool:
    """Whether the function of this dotted name, such as `numpy.mean`, leaves what it is given as it is."""
    return name.partition(".")[0] in _LEAVING and name.rpartition(".")[2] not in _BUT
