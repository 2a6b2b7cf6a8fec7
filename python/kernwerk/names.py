"""The names that a cell of Python touches, read from its syntax tree: the record from which promotion slices.

When in doubt it says more: a name too many makes a slice longer, a name too few makes it wrong.
"""

from __future__ import annotations

import ast
import builtins
import symtable
import types
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from kernwerk import alias, assigned, chains, effects, library, modules, reach
from kernwerk._kernwerk import bound_by
from kernwerk.chains import Chains
from kernwerk.reach import IMMUTABLE

# What runs text, or reaches names that are not spelt out.
_OPAQUE = {"exec", "eval", "compile", "globals", "locals", "vars", "setattr", "delattr", "__import__"}


# How IPython writes magics, which are looked at by themselves.
_OF_IPYTHON = {"run_line_magic", "run_cell_magic", "system", "getoutput"}


@dataclass
class Names:
    """What a cell does to the names of its notebook."""

    defines: set[str] = field(default_factory=set)
    #: Those of them that it defines under a condition, or by functions of its own: they may hold what they held before.
    maybe: set[str] = field(default_factory=set)
    uses: set[str] = field(default_factory=set)
    mutates: set[str] = field(default_factory=set)
    #: Names that it may change besides, by calls of which nothing is known. With other values of its parameters a cell may do what it has not done.
    perhaps: set[str] = field(default_factory=set)
    #: It makes names that its text does not spell out (`from module import *`).
    defines_any: bool = False
    #: Its text cannot be read (`!command`, `exec`), or it changes the process: every later cell may depend on it.
    barrier: bool = False
    #: It may write files.
    writes_files: bool = False
    #: It reads files whose names do not stand in the call.
    reads_hidden: bool = False
    #: It reads files, or asks for them.
    reads_files: bool = False
    #: It uses a package of which nothing is known: it may do what no name tells.
    untold: bool = False
    #: Which of its magics run depends on what it computes.
    chooses_magics: bool = False


@dataclass
class _Part:
    """What the syntax of one statement shows."""

    names: Names = field(default_factory=Names)
    #: What runs of it names.
    chains: Chains = field(default_factory=Chains)
    #: Names behind which it sets or deletes attributes or items.
    stored: set[str] = field(default_factory=set)
    #: What calls are given whose value nobody takes: the function, as far as it is a chain of names, and the names in what it is given.
    given: list[tuple[tuple[str, ...], set[str]]] = field(default_factory=list)
    #: Methods that it calls, by the name that the call begins with.
    called: dict[str, set[str]] = field(default_factory=dict)
    #: Attributes of names, called or not: a method that is handed on may be called.
    named: dict[str, set[str]] = field(default_factory=dict)
    #: All its calls: the function as a chain, the name that it begins with, the names in what it is given.
    calls: list[tuple[tuple[str, ...] | None, set[str], set[str]]] = field(default_factory=list)
    #: Variables of functions and comprehensions within it.
    local: set[str] = field(default_factory=set)
    #: Classes that it makes others of.
    bases: set[str] = field(default_factory=set)
    #: The nodes that run when it does.
    running: list[ast.AST] = field(default_factory=list)
    #: It begins the generator anew whose function this chain is, whatever was before.
    seeds: tuple[str, ...] | None = None


def of_cell(code: str, magics: Collection[str], namespace: Mapping[str, Any]) -> Names:
    """The names in `code`, in which IPython has made calls of magics. `magics` are ours; any other magic may do anything."""
    try:
        statements = ast.parse(code).body
    except (SyntaxError, ValueError):
        return Names(barrier=True)
    own = {one.name: one for one in statements if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)}
    cell = _Cell(namespace, [_of_statement(statement, magics, own) for statement in statements], own)
    for part in cell.parts:
        cell.add(part)
    return cell.names


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


class _Cell:
    """A cell that is read statement by statement: what those before have given, and the next."""

    def __init__(self, namespace: Mapping[str, Any], parts: list[_Part], own: Mapping[str, ast.stmt]) -> None:
        self.names = Names()
        self.parts = parts
        self._namespace = namespace
        self._part = _Part()
        #: What the cell imports, by the names that it gives to it.
        self._imports: dict[str, str] = {}
        #: Of names that were asked for, whether what they reach changes a value.
        self._changing: dict[str, bool] = {}
        #: Methods of the notebook's classes that change something, those of this cell among them.
        self._methods = reach.changing_methods(namespace)
        for one in own.values():
            if isinstance(one, ast.ClassDef):
                self._methods |= {inner.name for inner in one.body if isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef)}
        #: By names that the cell binds, those that may hold the same value.
        self._sources = alias.sources((node for part in parts for node in part.running), self._is_new)

    def add(self, part: _Part) -> None:
        """Takes in what the next statement does."""
        self._imports |= part.chains.imports
        part.chains.imports = self._imports
        self._part = part
        names = self.names
        names.uses |= self._known(part.names.uses | part.names.mutates | part.called.keys())
        self._add_changes()
        reached = reach.by(self._known(part.chains.loads), part.chains.attributes, self._namespace)
        written = self._known(reached.written)
        names.mutates |= written
        names.uses |= written
        names.perhaps |= {name for name in self._perhaps() if self._is_changeable(name) or reach.is_class(self._namespace.get(name))}
        part.chains.add(reached.chains)
        self._add_effects()
        # What an earlier statement has surely bound stays bound.
        sure = names.defines - names.maybe
        names.maybe |= part.names.maybe - sure
        names.maybe -= part.names.defines - part.names.maybe
        names.defines |= part.names.defines
        names.defines_any |= part.names.defines_any
        # What is one of Python's own names under a condition is read by cells that name it, of which the record does not tell.
        names.barrier |= part.names.barrier or any(hasattr(builtins, name) for name in part.names.maybe)
        names.chooses_magics |= part.names.chooses_magics or "run_line_magic" in reached.chains.attributes | reached.chains.texts

    def _known(self, names: Iterable[str]) -> set[str]:
        """Those of the names that are of earlier cells."""
        bound = (self.names.defines - self.names.maybe) | self._part.local
        known = (name for name in names if name not in bound)
        return {name for name in known if name in self._namespace or not (name in self._sources or hasattr(builtins, name))}

    def _is_changeable(self, name: str) -> bool:
        return bool(self._known([name])) and not isinstance(self._namespace.get(name, self), IMMUTABLE)

    def _is_new(self, name: str, attributes: set[str]) -> bool:
        """Whether what calls with these attributes on the value of a name give shares nothing with what they are given."""
        value = self._namespace.get(name)
        origin = chains.origin(value) if value is not None else self._imports.get(name)
        return library.gives_new(value, attributes) or (origin is not None and library.makes_new(origin, attributes))

    def _with_sources(self, names: Iterable[str]) -> set[str]:
        """The names, and those that may hold the same value as one of them that the cell binds."""
        return {further for name in names for further in (name, *self._sources.get(name, ()))}

    def _changes_by_methods(self, name: str, methods: set[str]) -> bool:
        """Whether methods, called on the value of a name or on what is in it, may change something."""
        is_own = name in self._sources and name not in self._namespace
        value = self._namespace.get(name, self)
        may = library.may_change(methods) if is_own else bool(library.changing(value, methods))
        return may or (not library.is_frame(value) and bool(methods & self._methods))

    def _add_changes(self) -> None:
        """What the text shows to change."""
        part = self._part
        changed = part.names.mutates | part.stored
        given_classes = set[str]()
        for chain, arguments in part.given:
            value = self._namespace.get(chain[0])
            name = part.chains.resolved(chain, self._namespace)
            if not library.is_frame(value) and not (name and library.leaves_its_arguments(name)) and not self._only_looks(chain[0]):
                changed |= arguments
                given_classes |= {name for name in arguments if reach.is_class(self._namespace.get(name))}
        changed |= {name for name, methods in part.called.items() if self._changes_by_methods(name, methods)}
        changed |= {name for name, attributes in part.named.items() if self._changes_by_methods(name, reach.methods_among(self._namespace.get(name), attributes))}
        # To go through an iterator takes from it.
        changed |= {name for name in part.chains.loads if reach.changes_by_reading(self._namespace.get(name))}
        self.names.mutates |= {name for name in self._with_sources(changed) if self._is_changeable(name)}
        # Functions, classes and modules change by attributes that are set, and by what their attributes hold.
        holders = {name for name, methods in part.called.items() if reach.holds_changing(self._namespace.get(name), methods)}
        functions = {name for name in part.called if isinstance(self._namespace.get(name), types.FunctionType)}
        self.names.mutates |= self._known(part.stored | holders | functions | given_classes)

    def _perhaps(self) -> Iterator[str]:
        """Names of what calls are given that may change it."""
        # A class knows those that are made of it.
        yield from self._part.bases
        for chain, root, given in self._part.calls:
            if not self._leaves(chain, root) or any(map(self._changes, self._known(given | root))):
                yield from self._with_sources(given)
            # What can be called and is no function may keep something, as a cache does.
            if chain and len(chain) == 1 and callable(self._namespace.get(chain[0])):
                yield chain[0]

    def _changes(self, name: str) -> bool:
        """Whether the functions that a name reaches have code that changes a value, which may be one that they are given."""
        if name not in self._changing:
            self._changing[name] = reach.may_call(self._namespace.get(name)) and self._changes_by(name)
        return self._changing[name]

    def _changes_by(self, name: str) -> bool:
        reached = reach.by({name}, self._part.chains.attributes, self._namespace).chains
        called = reached.dotted(self._namespace)
        objects = (self._namespace.get(one) for one in reached.loads)
        return (
            reached.changes
            or bool(reached.attributes & self._methods)
            or not all(map(library.leaves_its_arguments, called))
            or any(callable(value) and not isinstance(value, IMMUTABLE) for value in objects)
        )

    def _only_looks(self, name: str) -> bool:
        """Whether a name is that of a function of the notebook that changes nothing."""
        return isinstance(self._namespace.get(name), types.FunctionType) and name not in self.names.defines and not self._changes(name)

    def _leaves(self, chain: tuple[str, ...] | None, root: set[str]) -> bool:
        """Whether the function that is called leaves what it is given as it is."""
        name = self._part.chains.resolved(chain, self._namespace) if chain else None
        if name is not None:
            return library.leaves_its_arguments(name)
        if chain and len(chain) > 1 and not library.may_change(set(chain[1:])) and not set(chain[1:]) & self._methods:
            return True
        values = [self._namespace.get(one) for one in root if one not in self.names.defines]
        # A function of the notebook has been looked at; a method of a text or a number changes no other value.
        return bool(values) and all(library.is_frame(value) or (isinstance(value, IMMUTABLE) and value is not None) for value in values)

    def _add_effects(self) -> None:
        """What it does that no name of a variable tells."""
        names, part = self.names, self._part
        found = effects.of(part.chains, self._namespace)
        names.barrier |= found.process
        names.writes_files |= found.writes_files
        names.reads_hidden |= found.reads_hidden
        names.reads_files |= found.reads_files
        seeded = effects.seeded_by(part.chains.resolved(part.seeds, self._namespace) or "") if part.seeds else None
        drawn = {effects.generator(module) for module in found.draws if module != seeded} - names.defines
        names.uses |= drawn
        names.mutates |= drawn
        # Under a condition or within a function it may be begun anew.
        begun = {effects.generator(module) for module in found.seeds if module != seeded} - names.defines
        names.defines |= begun
        names.maybe |= begun
        if seeded:
            names.defines.add(effects.generator(seeded))
            names.maybe.discard(effects.generator(seeded))
        self._add_packages()

    def _add_packages(self) -> None:
        """What packages are set to, which cells use with them."""
        names, part = self.names, self._part
        dotted = part.chains.dotted(self._namespace)
        values = (self._namespace[name] for name in part.chains.loads if name in self._namespace)
        used = {name.partition(".")[0] for name in dotted} | {library.kind(value)[0] for value in values}
        called = {name for chain, *_ in part.calls if chain and (name := part.chains.resolved(chain, self._namespace))}
        setting = {name for name in called if library.sets(name) and not effects.drawn_by(name)}
        setting |= {name for stored in part.stored if (name := part.chains.resolved((stored,), self._namespace))}
        names.uses |= {library.settings(package) for package in used - {"__main__", "_io", "builtins", "io"}}
        names.mutates |= {library.settings(name.partition(".")[0]) for name in setting}
        names.perhaps |= {library.settings(package) for package in used if modules.is_beside(package)}
        names.untold |= not all(map(library.is_told, used - {"__main__"}))
        if used & library.DRAWING:
            perhaps = {effects.generator("numpy.random")} - names.defines
            names.uses |= perhaps
            names.perhaps |= perhaps


def _of_statement(statement: ast.stmt, magics: Collection[str], own: Mapping[str, ast.stmt]) -> _Part:
    """`own` are the functions and classes that the cell defines."""
    part = _Part()
    names = part.names
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
    names.maybe = names.defines - assigned.surely(statement)
    for node in ast.walk(statement):
        _of_node(part, node, magics)
    # Variables of functions within it are no names of the notebook.
    spelt = names.uses | names.defines
    part.local = {name for name in part.called.keys() | part.named.keys() | names.mutates | part.stored if name not in spelt}
    part.running = list(_at_once(statement))
    for node in part.running:
        _of_call(part, node)
    match statement:
        case ast.Expr(value=ast.Call(func=function, args=[_, *_])):
            part.seeds = chains.chain_of(function)
    names.chooses_magics = any(isinstance(node, ast.Call) and _magic_of(node) for node in _within(statement))
    part.chains = chains.of_nodes(_with_functions(part.running, own))
    names.uses.discard("get_ipython")
    return part


def _within(statement: ast.stmt) -> Iterator[ast.AST]:
    """What stands in a statement that may run, or may not, or more than once."""
    if isinstance(statement, ast.If | ast.For | ast.While | ast.Try | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Match):
        yield from ast.walk(statement)


def _with_functions(running: list[ast.AST], own: Mapping[str, ast.stmt]) -> Iterator[ast.AST]:
    """The nodes that run at once, those of lambdas among them, and those of functions and classes of the cell that they name."""
    waiting: list[Iterable[ast.AST]] = [running, *(ast.walk(node.body) for node in running if isinstance(node, ast.Lambda))]
    seen = set[str]()
    while waiting:
        for node in waiting.pop():
            yield node
            if isinstance(node, ast.Name) and node.id in own and node.id not in seen:
                seen.add(node.id)
                waiting.append(ast.walk(own[node.id]))


def _inner(table: symtable.SymbolTable) -> Iterator[symtable.SymbolTable]:
    for child in table.get_children():
        yield child
        yield from _inner(child)


def _of_node(part: _Part, node: ast.AST, magics: Collection[str]) -> None:
    names = part.names
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
        case ast.ClassDef(bases=bases, decorator_list=decorators):
            part.bases |= {base.id for base in bases if isinstance(base, ast.Name)}
            _of_decorators(part, decorators)
        case ast.FunctionDef(decorator_list=decorators) | ast.AsyncFunctionDef(decorator_list=decorators):
            _of_decorators(part, decorators)
        case ast.Attribute(value=ast.Call(func=ast.Name(id="get_ipython")), attr=attribute) if attribute not in _OF_IPYTHON:
            names.barrier = True
        case ast.Attribute(ctx=ast.Load(), value=ast.Name(id=name), attr=attribute):
            part.named.setdefault(name, set()).add(attribute)
        case ast.Call(func=ast.Attribute() as function):
            for name in _root(function):
                part.called.setdefault(name, set()).update(_attributes(function))
            if any(keyword.arg in library.IN_PLACE and not _is_false(keyword.value) for keyword in node.keywords):
                names.mutates |= _root(function)
        case ast.Attribute(ctx=ast.Store() | ast.Del()) | ast.Subscript(ctx=ast.Store() | ast.Del()):
            names.mutates |= _root(node)
            part.stored |= _root(node)
        case ast.AugAssign(target=target):
            names.mutates |= _root(target)
        case ast.Delete(targets=targets):
            names.mutates |= {target.id for target in targets if isinstance(target, ast.Name)}
        case ast.ImportFrom(names=[ast.alias(name="*")]):
            names.defines_any = True


def _of_decorators(part: _Part, decorators: list[ast.expr]) -> None:
    """A decorator that is a method is called like one: `@shapes.register`."""
    for decorator in decorators:
        if isinstance(decorator, ast.Attribute):
            for name in _root(decorator):
                part.called.setdefault(name, set()).update(_attributes(decorator))


def _at_once(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes that run when the statement does, from the outer to the inner: not those within functions that it defines."""
    waiting = [node]
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            waiting += node.decorator_list
        elif not isinstance(node, ast.Lambda):
            waiting += ast.iter_child_nodes(node)


def _of_call(part: _Part, node: ast.AST) -> None:
    match node:
        case ast.Expr(value=ast.Call() | ast.Await(value=ast.Call())):
            call = node.value.value if isinstance(node.value, ast.Await) else node.value
            assert isinstance(call, ast.Call)
            chain = chains.chain_of(call.func)
            if isinstance(call.func, ast.Attribute) and call.func.attr in library.KEEPING:
                return
            for name in _root(call.func) - library.LOOKING - {"get_ipython"}:
                part.given.append((chain or (name,), set().union(*map(_given, _arguments(call)))))
        case ast.Call(func=function):
            if _magic_of(node) is None:
                named = {one.id for argument in _arguments(node) for one in ast.walk(argument) if isinstance(one, ast.Name)}
                if isinstance(function, ast.Call) or any(map(_may_act, _arguments(node))) or _is_told_to_write(node):
                    # A function that a call gives, such as `getattr(rows, "append")`, or one that is written there.
                    named |= {one.id for one in ast.walk(function) if isinstance(one, ast.Name)}
                    part.calls.append((None, set(), named))
                part.calls.append((chains.chain_of(function), _root(function), named))
            part.names.mutates |= {name for keyword in node.keywords if keyword.arg in library.INTO for name in _root(keyword.value)}


def _arguments(call: ast.Call) -> list[ast.expr]:
    return [*call.args, *(keyword.value for keyword in call.keywords)]


def _given(node: ast.expr) -> set[str]:
    """The names at which an argument of a call begins; of containers that are written there, those of their parts."""
    match node:
        case ast.List(elts=parts) | ast.Tuple(elts=parts) | ast.Set(elts=parts) | ast.Dict(values=parts):
            return set().union(*map(_given, parts))
        case ast.IfExp(body=one, orelse=other):
            return _given(one) | _given(other)
        case ast.NamedExpr(value=value):
            return _given(value)
    return _root(node)


def _may_act(argument: ast.expr) -> bool:
    """Whether an argument is a function that is written there and may change what it is given."""
    lambdas = (node for node in ast.walk(argument) if isinstance(node, ast.Lambda))
    called = (node for one in lambdas for node in ast.walk(one.body) if isinstance(node, ast.Call))
    return any(library.may_change(_attributes(node)) if isinstance(node.func, ast.Attribute) else not _looks(node) for node in called)


def _looks(call: ast.Call) -> bool:
    return isinstance(call.func, ast.Name) and call.func.id in library.LOOKING


def _is_told_to_write(call: ast.Call) -> bool:
    """Whether a call may be given, by its place, where its result goes, as functions of numpy take it; or is told to make no copy."""
    copies = any(keyword.arg == "copy" and _is_false(keyword.value) for keyword in call.keywords)
    return copies or (isinstance(call.func, ast.Attribute) and len(call.args) > 2)


def _is_false(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and node.value is False


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


def _attributes(node: ast.AST) -> set[str]:
    """The attributes in a chain of attributes, items and calls."""
    found = set()
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Call | ast.Starred):
        if isinstance(node, ast.Attribute):
            found.add(node.attr)
        node = node.func if isinstance(node, ast.Call) else node.value
    return found


def _root(node: ast.AST) -> set[str]:
    """The name at which a chain of attributes, items and calls begins."""
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Call | ast.Starred):
        node = node.func if isinstance(node, ast.Call) else node.value
    return {node.id} if isinstance(node, ast.Name) else set()
