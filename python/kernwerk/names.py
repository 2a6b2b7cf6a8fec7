"""The names that a cell of Python touches, read from its syntax tree: the record from which promotion slices.

When in doubt it says more: a name too many makes a slice longer, a name too few makes it wrong.
"""

from __future__ import annotations

import ast
import builtins
import datetime
import dis
import enum
import symtable
import types
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from kernwerk._kernwerk import Frame, bound_by

# A call on a name counts as a change of what it names, unless that is one of these.
_IMMUTABLE: tuple[type, ...] = (
    types.ModuleType, type, types.FunctionType, types.BuiltinFunctionType,
    str, bytes, int, float, complex, bool, tuple, frozenset, range, enum.Enum, datetime.date, Frame, type(None),
)  # fmt: skip

# Frames whose methods give new frames, by their package and class; but for these, which change them or can be told to.
_FRAMES: dict[tuple[str, str], set[str]] = {
    ("polars", "DataFrame"): {"drop_in_place", "extend", "hstack", "insert_column", "replace_column", "shrink_to_fit", "vstack"},
    ("polars", "LazyFrame"): set(),
    ("polars", "Series"): {"append", "extend", "rechunk", "scatter", "set_at_idx", "shrink_to_fit", "sort"},
    ("pyarrow", "RecordBatch"): set(),
    ("pyarrow", "Table"): set(),
}

# Functions that only look at what they are given; others are called for what they do to it, where nobody takes their value.
_LOOKING = {
    "all", "any", "callable", "dir", "display", "format", "hash", "help", "id", "isinstance", "len", "max", "min", "pprint", "print", "repr",
    "sorted", "str", "sum", "type",
}  # fmt: skip
# Methods of containers, which keep what they are given as it is.
_KEEPING = {
    "add", "append", "appendleft", "clear", "discard", "extend", "extendleft", "insert", "pop", "remove", "reverse", "setdefault", "sort", "update",
}  # fmt: skip
# Packages whose functions draw or write down what they are given.
_SHOWING = {"IPython", "altair", "logging", "matplotlib", "plotly", "pprint", "seaborn", "warnings"}
# Functions of modules that change the module, or what it does from then on.
_SETTING = {
    "basicConfig", "filterwarnings", "manual_seed", "seed", "set_option", "set_printoptions", "set_seed", "setlocale", "setrecursionlimit",
    "setstate", "simplefilter",
}  # fmt: skip
# How the code of a function changes what it reaches by a name.
_CHANGES = {"STORE_ATTR", "DELETE_ATTR", "STORE_SUBSCR", "DELETE_SUBSCR", "LOAD_METHOD", "CALL_METHOD"}

# What runs text, or reaches names that are not spelt out.
_OPAQUE = {"exec", "eval", "compile", "globals", "locals", "vars", "setattr", "delattr", "__import__"}


@dataclass
class Names:
    """What a cell does to the names of its notebook."""

    defines: set[str] = field(default_factory=set)
    uses: set[str] = field(default_factory=set)
    mutates: set[str] = field(default_factory=set)
    #: Modules that it sets.
    sets: set[str] = field(default_factory=set)
    #: Functions that it calls by their names.
    functions: set[str] = field(default_factory=set)
    #: What calls are given whose value nobody takes, by the name that the call begins with.
    given: dict[str, set[str]] = field(default_factory=dict)
    #: Methods that it calls, by the name that the call begins with.
    called: dict[str, set[str]] = field(default_factory=dict)
    #: It makes names that its text does not spell out (`from module import *`).
    defines_any: bool = False
    #: Its text cannot be read (`!command`, `exec`): every later cell may depend on it.
    barrier: bool = False


def of_cell(code: str, magics: Collection[str], namespace: Mapping[str, Any]) -> Names:
    """The names in `code`, in which IPython has made calls of magics. `magics` are ours; any other magic may do anything."""
    try:
        statements = ast.parse(code).body
    except (SyntaxError, ValueError):
        return Names(barrier=True)
    names = Names()
    for statement in statements:
        _add(names, _of_statement(statement, magics), namespace)
    return names


def is_magics_alone(code: str, magics: Collection[str]) -> bool:
    """Whether `code`, in which IPython has made calls of magics, is made of magics of ours and nothing else."""
    try:
        statements = ast.parse(code).body
    except (SyntaxError, ValueError):
        return False
    calls = [_magic_of(statement.value) if isinstance(statement, ast.Expr) else None for statement in statements]
    return bool(calls) and all(call is not None and call[0] in magics for call in calls)


def valued(code: str, magics: Collection[str]) -> set[str]:
    """The magics of ours in `code` whose value is wanted, such as `hits = %rag search …`, as they stand in the cell."""
    try:
        tree = ast.parse(code)
    except (SyntaxError, ValueError):
        return set()
    bare = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    calls = (_magic_of(node) for node in ast.walk(tree) if isinstance(node, ast.Call) and id(node) not in bare)
    return {call[1] for call in calls if call is not None and call[0] in magics}


def _add(names: Names, part: Names, namespace: Mapping[str, Any]) -> None:
    def known(name: str) -> bool:
        return name not in names.defines and (name in namespace or not hasattr(builtins, name))

    names.uses |= {name for name in part.uses | part.mutates | part.called.keys() if known(name)}
    def changeable(name: str) -> bool:
        return known(name) and not isinstance(namespace.get(name, names), _IMMUTABLE)

    for name, arguments in part.given.items():
        value = namespace.get(name)
        if _package(value) not in _SHOWING and _kind(value) not in _FRAMES:
            part.mutates |= arguments
    for name in part.functions:
        written = _written_by(namespace.get(name), namespace)
        names.mutates |= {name for name in written if known(name)}
        names.uses |= {name for name in written if known(name)}
    names.mutates |= {name for name in part.sets if known(name)}
    called = {name for name, methods in part.called.items() if _changing(namespace.get(name, names), methods)}
    names.mutates |= {name for name in part.mutates | called if changeable(name)}
    names.defines |= part.defines
    names.defines_any |= part.defines_any
    names.barrier |= part.barrier


def _package(value: object) -> str:
    """The package that a module, or a function or class of one, belongs to."""
    name = value.__name__ if isinstance(value, types.ModuleType) else getattr(value, "__module__", "")
    return str(name or "").partition(".")[0]


def _written_by(function: object, namespace: Mapping[str, Any]) -> set[str]:
    """The names of the notebook that a function of its own may change when it is called: those that it assigns, and, where its
    code changes anything at all by attributes, items or methods, those that it reads."""
    written: set[str] = set()
    open_functions, seen = [function], set()
    while open_functions:
        one = open_functions.pop()
        if not isinstance(one, types.FunctionType) or one.__globals__ is not namespace or id(one) in seen:
            continue
        seen.add(id(one))
        instructions = list(_instructions(one.__code__))
        written |= {i.argval for i in instructions if i.opname in ("STORE_GLOBAL", "DELETE_GLOBAL")}
        read = {i.argval for i in instructions if i.opname == "LOAD_GLOBAL"}
        open_functions += [namespace[name] for name in read if name in namespace]
        # From 3.12 on a method is loaded as an attribute is.
        if any(i.opname in _CHANGES or (i.opname == "LOAD_ATTR" and (i.arg or 0) & 1) for i in instructions):
            written |= {name for name in read if name in namespace and not _stays(namespace[name])}
    return written


def _stays(value: object) -> bool:
    """Whether no function changes the value. A class of the notebook's can hold what changes."""
    if isinstance(value, type):
        return value.__module__ != "__main__"
    return isinstance(value, _IMMUTABLE)


def _instructions(code: types.CodeType) -> Iterator[dis.Instruction]:
    yield from dis.get_instructions(code)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _instructions(constant)


def _changing(value: object, methods: set[str]) -> set[str]:
    """Those of `methods` that may change `value`: all of them, but for frames whose methods are known."""
    kind = _kind(value)
    return methods & _FRAMES[kind] if kind in _FRAMES else methods


def _kind(value: object) -> tuple[str, str]:
    """The package and the name of a value's class."""
    return type(value).__module__.partition(".")[0], type(value).__name__


def _of_statement(statement: ast.stmt, magics: Collection[str]) -> Names:
    names = Names()
    table = symtable.symtable(ast.unparse(statement), "cell", "exec")
    for symbol in table.get_symbols():
        if symbol.is_assigned() or symbol.is_imported():
            names.defines.add(symbol.get_name())
        if symbol.is_referenced():
            names.uses.add(symbol.get_name())
    for inner in _inner(table):
        for symbol in inner.get_symbols():
            if symbol.is_global() and symbol.is_assigned():
                names.defines.add(symbol.get_name())
            if symbol.is_global():
                names.uses.add(symbol.get_name())
    for node in ast.walk(statement):
        _of_node(names, node, magics)
    for node in _at_once(statement):
        _of_call(names, node)
    names.uses.discard("get_ipython")
    return names


def _inner(table: symtable.SymbolTable) -> Iterator[symtable.SymbolTable]:
    for child in table.get_children():
        yield child
        yield from _inner(child)


def _of_node(names: Names, node: ast.AST, magics: Collection[str]) -> None:
    match node:
        case ast.Call(func=ast.Name(id=name)) if name in _OPAQUE:
            names.barrier = True
        case ast.Call(func=ast.Attribute(value=ast.Call(func=ast.Name(id="get_ipython")))):
            magic = _magic_of(node)
            if magic == ("load_ext", "%load_ext kernwerk"):
                # It is loaded already, here and wherever the cell runs again.
                return
            if magic is None or magic[0] not in magics:
                names.barrier = True
            else:
                names.defines |= set(bound_by(magic[1]))
        case ast.Call(func=ast.Attribute() as function):
            for name in _root(function):
                names.called.setdefault(name, set()).add(_first(function))
        case ast.Attribute(ctx=ast.Store() | ast.Del()) | ast.Subscript(ctx=ast.Store() | ast.Del()):
            names.mutates |= _root(node)
        case ast.AugAssign(target=target):
            names.mutates |= _root(target)
        case ast.Delete(targets=targets):
            names.mutates |= {target.id for target in targets if isinstance(target, ast.Name)}
        case ast.ImportFrom(names=[ast.alias(name="*")]):
            names.defines_any = True


def _at_once(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes that run when the statement does: not those within functions that it defines."""
    yield node
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        for decorator in node.decorator_list:
            yield from _at_once(decorator)
        return
    if isinstance(node, ast.Lambda):
        return
    for child in ast.iter_child_nodes(node):
        yield from _at_once(child)


def _of_call(names: Names, node: ast.AST) -> None:
    match node:
        case ast.Expr(value=ast.Call() | ast.Await(value=ast.Call())):
            call = node.value.value if isinstance(node.value, ast.Await) else node.value
            assert isinstance(call, ast.Call)
            if isinstance(call.func, ast.Attribute) and call.func.attr in _KEEPING:
                return
            for name in _root(call.func) - _LOOKING - {"get_ipython"}:
                arguments = [*call.args, *(keyword.value for keyword in call.keywords)]
                names.given.setdefault(name, set()).update(*(_root(argument) for argument in arguments))
        case ast.Call(func=ast.Name(id=name)):
            names.functions.add(name)
        case ast.Call(func=ast.Attribute(attr=attribute) as function) if attribute in _SETTING:
            names.sets |= _root(function)
        case ast.FunctionDef(decorator_list=decorators) | ast.ClassDef(decorator_list=decorators):
            # A decorator may keep what it is given in a place of its own.
            names.functions |= {decorator.id for decorator in decorators if isinstance(decorator, ast.Name)}


def _magic_of(node: ast.expr) -> tuple[str, str] | None:
    """The magic that a call stands for, as IPython writes it: its name and its text."""
    match node:
        case ast.Call(
            func=ast.Attribute(value=ast.Call(func=ast.Name(id="get_ipython")), attr="run_line_magic" | "run_cell_magic"),
            args=[ast.Constant(value=str(name)), ast.Constant(value=str(line)), *body],
        ):
            texts = [text.value for text in body if isinstance(text, ast.Constant)]
            return name, text_of(name, line, str(texts[0]) if texts else None)
    return None


def text_of(name: str, line: str, body: str | None = None) -> str:
    """A magic as it stands in a cell, from the parts that IPython cuts it into."""
    if body is None:
        return f"%{name} {line}"
    return f"%%{name} {line}\n{body.removesuffix(chr(10))}"


def _first(node: ast.Attribute) -> str:
    """The first attribute in a chain of attributes, items and calls."""
    first = node.attr
    inner: ast.AST = node.value
    while isinstance(inner, ast.Attribute | ast.Subscript | ast.Call | ast.Starred):
        if isinstance(inner, ast.Attribute):
            first = inner.attr
        inner = inner.func if isinstance(inner, ast.Call) else inner.value
    return first


def _root(node: ast.AST) -> set[str]:
    """The name at which a chain of attributes, items and calls begins."""
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Call | ast.Starred):
        node = node.func if isinstance(node, ast.Call) else node.value
    return {node.id} if isinstance(node, ast.Name) else set()
