"""What functions and methods of libraries leave as it is, and what they change: facts of their documentation."""

from __future__ import annotations

import datetime
import types
from collections import deque
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
# Methods of these that give a part of what they are called on, or what changes with it.
_VIEWS = {
    "T", "array", "at", "base", "diagonal", "flat", "get", "iat", "iloc", "imag", "loc", "pipe", "ravel", "real", "reshape", "squeeze", "swapaxes", "to_numpy",
    "transpose", "values", "view",
}  # fmt: skip
# Methods that only look, of values that nothing is known of as of Python's own. Those of texts, numbers and times change nothing.
_LOOKING_METHODS = {
    name for kind in (str, bytes, int, float, complex, tuple, frozenset, range, datetime.datetime) for name in dir(kind) if not name.startswith("__")
} | {
    "copy", "elements", "get", "items", "keys", "most_common", "total", "values",
    # Of frames, arrays and models, as long as nobody tells them to work in place.
    "abs", "agg", "aggregate", "all", "any", "apply", "argmax", "argmin", "argsort", "assign", "astype", "collect", "corr", "cov", "cumprod", "cumsum", "describe", "diff",
    "dot", "drop", "drop_duplicates", "dropna", "fillna", "filter", "group_by", "groupby", "head", "hist", "info", "isin", "isna", "isnull", "iterrows", "itertuples", "lazy",
    "max", "mean", "median", "melt", "merge", "min", "mode", "notna", "notnull", "nunique", "pivot", "pivot_table", "plot", "predict", "predict_proba", "prod", "quantile",
    "query", "rename", "reset_index", "rolling", "round", "score", "select", "set_index", "shift", "sort_index", "sort_values", "stack", "std", "sum", "tail", "to_dict",
    "to_list", "to_numpy", "tolist", "transform", "unique", "unstack", "value_counts", "var", "with_columns",
}  # fmt: skip
# Packages whose functions give something new, but for these.
_MAKING_NEW = {"json", "math", "numpy", "os", "pandas", "polars", "re", "statistics", "time"}
_SHARING = _VIEWS | {
    "DataFrame", "Series", "array_split", "asanyarray", "asarray", "ascontiguousarray", "asfortranarray", "atleast_1d", "atleast_2d", "atleast_3d",
    "broadcast_arrays", "broadcast_to", "expand_dims", "from_numpy", "frombuffer", "hsplit", "moveaxis", "nditer", "require", "rollaxis", "split", "vsplit",
}  # fmt: skip
# Python's own containers: methods of them either look or are not among those.
_CONTAINERS: tuple[type, ...] = (list, dict, set, deque)
# Arguments by which a function or a method is told to change what it is given or called on.
IN_PLACE = {"in_place", "inplace"}
INTO = {"file", "out"}

# Functions that only look at what they are given; others are called for what they do to it, where nobody takes their value.
LOOKING = {
    "all", "any", "callable", "dir", "display", "format", "hash", "help", "id", "isinstance", "len", "max", "min", "pprint", "print", "repr",
    "sorted", "str", "sum", "type",
}  # fmt: skip
# Methods of containers, which keep what they are given as it is.
KEEPING = {
    "add", "append", "appendleft", "clear", "discard", "extend", "extendleft", "insert", "pop", "popitem", "remove", "reverse", "setdefault", "sort",
    "update",
}  # fmt: skip
# Packages whose functions draw or write down what they are given.
_SHOWING = {"IPython", "altair", "logging", "matplotlib", "plotly", "pprint", "seaborn", "warnings"}
# Functions of modules that change what the module does from then on, besides those whose names begin with `set_`.
_SETTING = {
    "basicConfig", "filterwarnings", "manual_seed", "rc", "rcdefaults", "reset_option", "seed", "seterr", "setlocale", "setrecursionlimit", "setstate",
    "register", "setcontext", "simplefilter", "switch_backend", "use",
}  # fmt: skip
# Packages whose settings are those of another.
_SETTINGS_OF = {"seaborn": "matplotlib", "pylab": "matplotlib"}
# Packages that draw from the hidden generator of numpy where they are told no other.
DRAWING = {"imblearn", "scipy", "sklearn"}

# Packages whose functions leave their arguments as they are, but for these.
_LEAVING = {
    "_io", "base64", "binascii", "builtins", "calendar", "cmath", "collections", "copy", "dataclasses", "datetime", "decimal", "fractions", "hashlib", "io", "itertools",
    "json", "math", "numpy", "os", "pandas", "pathlib", "polars", "pyarrow", "re", "statistics", "string", "textwrap", "time", "typing", "uuid",
} | _SHOWING  # fmt: skip
_BUT = {
    "at", "copyto", "delattr", "fill_diagonal", "place", "put", "put_along_axis", "putmask", "setattr", "shuffle",
}  # fmt: skip
# Packages that do nothing that their names and those of their functions do not tell; with others a cell may do anything.
_TOLD = (_LEAVING - {"logging"}) | _MAKING_NEW | {
    "_heapq", "_csv", "_random", "abc", "bisect", "contextlib", "csv", "decimal", "difflib", "enum", "fnmatch", "functools", "glob", "gzip", "heapq", "joblib", "kernwerk",
    "lightgbm", "networkx", "numbers", "operator", "pickle", "random", "scipy", "shutil", "sklearn", "statsmodels", "sys", "tempfile", "torch", "types", "unicodedata", "xgboost",
    "zipfile", "zoneinfo", "_collections", "_functools", "_operator", "_thread", "dateutil", "posix", "posixpath", "pytz",
    # What is asked of a service, a cassette tells; what a service remembers, nobody.
    "_socket", "_ssl", "aiohttp", "asyncio", "http", "httpx", "requests", "socket", "ssl", "urllib", "urllib3", "websockets",
}  # fmt: skip


def is_told(package: str) -> bool:
    """Whether what functions and values of a package do is told by their names: they reach nothing that is not theirs."""
    return package in _TOLD


def kind(value: object) -> tuple[str, str]:
    """The package and the name of a value's class."""
    return type(value).__module__.partition(".")[0], type(value).__name__


def sets(name: str) -> bool:
    """Whether the function of this dotted name, such as `pandas.set_option`, changes what its module does from then on."""
    last = name.rpartition(".")[2]
    return last in _SETTING or last.startswith(("set_", "register_"))


def settings(package: str) -> str:
    """The name that stands for what a package is set to in the record of cells; no variable has it."""
    return f"module {_SETTINGS_OF.get(package, package)}"


def is_frame(value: object) -> bool:
    """Whether it is a frame or an array whose methods are known."""
    return kind(value) in _FRAMES


def changing(value: object, methods: Set[str]) -> Set[str]:
    """Those of `methods` that may change `value`: all of them, but for frames and arrays whose methods are known."""
    known = _FRAMES.get(kind(value))
    if known is not None:
        return methods & known
    return methods - _LOOKING_METHODS if type(value).__module__ in ("builtins", "collections") and isinstance(value, _CONTAINERS) else methods


def may_change(methods: Set[str]) -> bool:
    """Whether one of the methods may change a value of which nothing is known."""
    return not methods <= _LOOKING_METHODS


def makes_new(origin: str, attributes: Set[str]) -> bool:
    """Whether a call of a function of the module `origin`, or of that function itself, gives what shares nothing with its arguments."""
    return origin.partition(".")[0] in _MAKING_NEW and not (attributes | {origin.rpartition(".")[2]}) & _SHARING


def gives_new(value: object, attributes: Set[str]) -> bool:
    """Whether what a chain of calls with these attributes on `value` gives is new, and shares nothing with it."""
    return is_frame(value) and not attributes & _VIEWS


def leaves_its_arguments(name: str) -> bool:
    """Whether the function of this dotted name, such as `numpy.mean`, leaves what it is given as it is."""
    package, _, rest = name.partition(".")
    # A method of a type that is called as a function: `list.append`.
    if package == "builtins" and "." in rest and may_change({rest.rpartition(".")[2]}):
        return False
    return package in _LEAVING and name.rpartition(".")[2] not in _BUT
