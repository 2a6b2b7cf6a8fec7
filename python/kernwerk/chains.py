"""Chains of names in Python, `os.environ.update`, as they stand in syntax or in compiled code, and what they resolve to."""

from __future__ import annotations

import ast
import builtins
import dis
import os
import re
import types
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from kernwerk import library

# Modules in which functions of others are kept.
_MODULES = {"posix": "os", "nt": "os", "_io": "io", "numpy.random.mtrand": "numpy.random"}


@dataclass
class Chains:
    """What code names."""

    #: Chains that begin with a name: the name, and the attributes behind it.
    chains: set[tuple[str, ...]] = field(default_factory=set)
    #: Names of the notebook that it reads.
    loads: set[str] = field(default_factory=set)
    #: Those of the chains that code sets or deletes, or items of which; in compiled code those of which it may.
    stored: set[tuple[str, ...]] = field(default_factory=set)
    #: Attributes, wherever they stand.
    attributes: set[str] = field(default_factory=set)
    #: Texts that stand in it.
    texts: set[str] = field(default_factory=set)
    #: Names that it gives to modules, and to what is in them, as dotted names.
    imports: dict[str, str] = field(default_factory=dict)
    #: It calls `open` to write, or may.
    opens_to_write: bool = False
    #: It reads files whose names do not stand in the call, or may.
    reads_hidden: bool = False
    #: It reads files, or asks for them.
    reads_files: bool = False
    #: In compiled code: it has anything that changes a value: it sets an attribute or an item, or calls a method that does not only look.
    changes: bool = False
    #: In compiled code: global variables that it sets or deletes, and variables of the functions around it.
    assigns: set[str] = field(default_factory=set)

    def add(self, other: Chains) -> None:
        self.chains |= other.chains
        self.loads |= other.loads
        self.stored |= other.stored
        self.attributes |= other.attributes
        self.texts |= other.texts
        self.imports |= other.imports
        self.opens_to_write |= other.opens_to_write
        self.reads_hidden |= other.reads_hidden
        self.reads_files |= other.reads_files
        self.changes |= other.changes

    def dotted(self, namespace: Mapping[str, Any]) -> set[str]:
        """The chains whose first name is of a module or of something in one, as dotted names: `np.random.normal` as `numpy.random.normal`."""
        return {name for chain in self.chains if (name := self.resolved(chain, namespace)) is not None}

    def dotted_stored(self, namespace: Mapping[str, Any]) -> set[str]:
        return {name for chain in self.stored if (name := self.resolved(chain, namespace)) is not None}

    def resolved(self, chain: tuple[str, ...], namespace: Mapping[str, Any]) -> str | None:
        root = self.imports.get(chain[0]) or origin(namespace.get(chain[0], getattr(builtins, chain[0], None)))
        return ".".join((root, *chain[1:])) if root else None


def origin(value: object) -> str | None:
    """The dotted name of a module, or of a function or class of one; none of other values."""
    if isinstance(value, types.ModuleType):
        return _MODULES.get(value.__name__, value.__name__)
    if value is os.environ:
        return "os.environ"
    if not isinstance(value, type | types.FunctionType | types.BuiltinFunctionType | types.MethodType):
        return None
    owner = getattr(value, "__self__", None)
    # Such as `random.gauss`, a method of an object that the module hides.
    module = value.__module__ if owner is None or isinstance(owner, types.ModuleType | type) else type(owner).__module__
    return f"{_MODULES.get(module, module)}.{value.__name__}" if module and module != "__main__" else None


def chain_of(node: ast.AST) -> tuple[str, ...] | None:
    """The chain that an attribute or a name is, where it begins with a name."""
    attributes: list[str] = []
    while isinstance(node, ast.Attribute):
        attributes.append(node.attr)
        node = node.value
    return (node.id, *reversed(attributes)) if isinstance(node, ast.Name) else None


def of_nodes(nodes: Iterable[ast.AST]) -> Chains:
    """What these nodes name, each by itself."""
    found = Chains()
    within: set[int] = set()
    for node in nodes:
        match node:
            case ast.Attribute(value=value, attr=attribute):
                found.attributes.add(attribute)
                within.add(id(value))
                if (chain := chain_of(node)) and id(node) not in within:
                    found.chains.add(chain)
                if chain and isinstance(node.ctx, ast.Store | ast.Del):
                    found.stored.add(chain)
            case ast.Name(id=name, ctx=ast.Load()):
                found.loads.add(name)
                if id(node) not in within:
                    found.chains.add((name,))
            case ast.Subscript(value=value, ctx=ast.Store() | ast.Del()) if chain := chain_of(value):
                found.stored.add(chain)
            case ast.Constant(value=str(text)):
                found.texts.add(text)
            case ast.Import(names=names):
                for one in names:
                    package = one.name.partition(".")[0]
                    found.imports[one.asname or package] = one.name if one.asname else package
            case ast.ImportFrom(module=str(module), names=names, level=0):
                found.imports |= {one.asname or one.name: f"{module}.{one.name}" for one in names}
            case ast.Call():
                _of_call(found, node)
    return found


# Functions and methods that read the file they are given the path of, or that a path is called on.
_READS = {
    "access", "connect", "exists", "fromfile", "genfromtxt", "getmtime", "getsize", "glob", "iglob", "import_module", "imread", "is_dir", "is_file", "is_symlink", "isdir", "isfile", "islink", "lexists", "readlink", "samefile", "iterdir",
    "listdir", "load", "loadtxt", "rglob", "scandir", "stat", "walk", "ZipFile",
}  # fmt: skip


# Those that tell what lies in a directory.
_LISTS = {"glob", "iglob", "iterdir", "listdir", "rglob", "scandir", "walk"}


def _reads(name: str) -> bool:
    return name in _READS or name.startswith(("read_", "scan_", "load_"))


def _of_call(found: Chains, call: ast.Call) -> None:
    for argument in call.args[:1]:
        # Frames are asked with text that may name variables of the notebook: `frame.query("fare > @least")`.
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str) and "@" in argument.value:
            found.loads |= set(re.findall(r"@(\w+)", argument.value))
    name = call.func.attr if isinstance(call.func, ast.Attribute) else call.func.id if isinstance(call.func, ast.Name) else ""
    is_open = name == "open"
    if is_open:
        mode = _mode(call)
        found.opens_to_write |= mode is None or bool(set(mode) & set("wax+"))
    if is_open or _reads(name):
        found.reads_files = True
        subject: ast.AST | None = call.args[0] if call.args else None
        if isinstance(call.func, ast.Attribute) and isinstance(call.func.value, ast.Call) and call.func.value.args:
            # The path of `Path("rides.csv").read_text()`.
            subject = call.func.value.args[0]
        # Which files lie in a directory, those tell that wrote them, whatever their names are.
        found.reads_hidden |= name in _LISTS or not isinstance(subject, ast.Constant)


def _mode(call: ast.Call) -> str | None:
    """The mode that a call of `open` opens a file in; none where it is not spelt out."""
    is_method = isinstance(call.func, ast.Attribute) and not (isinstance(call.func.value, ast.Name) and call.func.value.id in ("io", "gzip", "bz2", "lzma"))
    place = 0 if is_method else 1
    given = [keyword.value for keyword in call.keywords if keyword.arg == "mode"] or call.args[place : place + 1]
    if not given:
        return "r"
    return given[0].value if isinstance(given[0], ast.Constant) and isinstance(given[0].value, str) else None


_LOADS = {"LOAD_NAME", "LOAD_GLOBAL", "LOAD_DEREF", "LOAD_CLASSDEREF", "LOAD_FAST", "LOAD_FAST_CHECK", "LOAD_FAST_BORROW"}
_ATTRIBUTES = {"LOAD_ATTR", "LOAD_METHOD"}
# How code changes what it reaches by a name, besides by methods: from 3.12 on these are loaded as attributes are.
_CHANGES = {"STORE_ATTR", "DELETE_ATTR", "STORE_SUBSCR", "DELETE_SUBSCR"}


# What was read of functions that cells come upon again and again.
_read: dict[types.CodeType, Chains] = {}
_MOST_READ = 4096


def of_code(code: types.CodeType) -> Chains:
    """What compiled code names, with the functions in it. Nobody may change it: it is for the next one, too."""
    if code not in _read:
        if len(_read) >= _MOST_READ:
            _read.clear()
        _read[code] = _read_code(code)
    return _read[code]


def _read_code(code: types.CodeType) -> Chains:
    found = Chains()
    chain: list[str] = []
    module = item = ""
    has_items = False
    for instruction in _instructions(code):
        name, value = instruction.opname, instruction.argval
        if name in _ATTRIBUTES:
            found.attributes.add(value)
        is_method = name == "LOAD_METHOD" or (name == "LOAD_ATTR" and bool((instruction.arg or 0) & 1))
        found.changes |= name in _CHANGES or (is_method and library.may_change({value}))
        if name in _ATTRIBUTES and chain:
            chain.append(value)
            continue
        if name in ("STORE_ATTR", "DELETE_ATTR") and chain:
            found.stored.add((*chain, value))
        if chain:
            found.chains.add(tuple(chain))
        chain = [value] if name in _LOADS and isinstance(value, str) else []
        match name:
            case "LOAD_GLOBAL" | "LOAD_NAME":
                found.loads.add(value)
            case "STORE_SUBSCR" | "DELETE_SUBSCR":
                has_items = True
            case "STORE_GLOBAL" | "DELETE_GLOBAL":
                found.assigns.add(value)
            case "STORE_DEREF" | "DELETE_DEREF" if value in code.co_freevars:
                found.assigns.add(value)
            case "IMPORT_NAME":
                module, item = value, value.partition(".")[0]
            case "IMPORT_FROM":
                item = f"{module}.{value}"
            case "POP_TOP":
                module = item = ""
            case _ if item and name.startswith("STORE_") and isinstance(value, str):
                found.imports[value] = item
                item = ""
            case _ if name.startswith("LOAD_CONST") and isinstance(value, str):
                found.texts.add(value)
    # Whose items are set, the instruction does not tell.
    found.stored |= {chain for chain in found.chains if len(chain) > 1} if has_items else set()
    names = found.attributes | {chain[0] for chain in found.chains}
    if "open" in names:
        is_mode = any(set("wax+") & set(text) and set(text) <= set("rwaxbtU+") for text in found.texts)
        found.opens_to_write = is_mode or "mode" in code.co_varnames
    found.reads_hidden = found.reads_files = "open" in names or any(_reads(name) for name in names)
    return found


def _instructions(code: types.CodeType) -> Iterator[dis.Instruction]:
    """The instructions of code and of the functions within it."""
    yield from dis.get_instructions(code)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _instructions(constant)
