"""The names that a cell of Python touches, read from its syntax tree: the record from which promotion slices.

When in doubt it says more: a name too many makes a slice longer, a name too few makes it wrong.
"""

from __future__ import annotations

import ast
import builtins
import types
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from kernwerk import alias, chains, effects, library, modules, reach, syntax
from kernwerk.magics import plain
from kernwerk.reach import IMMUTABLE
from kernwerk.syntax import Names, Part


#: Stands for what IPython's `_` is, which any cell that shows something gives another value; no variable has this name.
SHOWN = "value shown"


def of_cell(code: str, magics: Collection[str], namespace: Mapping[str, Any]) -> Names:
    """The names in `code`, in which IPython has made calls of magics. `magics` are ours; any other magic may do anything."""
    try:
        statements = list(plain(ast.parse(code).body, syntax.parts_of_magic))
    except (SyntaxError, ValueError):
        return Names(barrier=True)
    own = {one.name: one for one in statements if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)}
    parts = [syntax.of_statement(statement, magics, own) for statement in statements]
    try:
        cell = _Cell(namespace, parts, own)
        for part in cell.parts:
            cell.add(part)
    except Exception:  # Values of others' classes may raise anything when they are asked what they are.
        return Names(barrier=True)
    cell.names.uses |= {SHOWN} if "_" in cell.names.uses else set()
    return cell.names


def met(names: Names, variables: Mapping[str, Any]) -> set[str]:
    """The variables that a cell may have brought together, as they are when it has ended: all of them where its text does not tell."""
    if names.barrier or names.defines_any:
        return {name for name in variables if not name.startswith("_")}
    told = names.defines | names.uses | names.mutates | names.perhaps | names.met
    return {name for name in told if name in variables}


def looked_at(names: Names) -> set[str]:
    """The variables of earlier cells that a cell reads, or gives to what may change them: it changes them if anything does that its text does not tell of."""
    return names.uses | names.perhaps | names.met


def is_magics_alone(code: str, magics: Collection[str]) -> bool:
    """Whether `code`, in which IPython has made calls of magics, is made of magics of ours and nothing else."""
    try:
        statements = ast.parse(code).body
    except (SyntaxError, ValueError):
        return False
    calls = [syntax.magic_of(statement.value) if isinstance(statement, ast.Expr) else None for statement in statements]
    return bool(calls) and all(call is not None and call[0] in magics for call in calls)


def valued(code: str, magics: Collection[str]) -> set[str]:
    """The magics of ours in `code` whose value is wanted, such as `hits = %rag search …`, as they stand in the cell."""
    try:
        tree = ast.parse(code)
    except (SyntaxError, ValueError):
        return set()
    bare = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    calls = (syntax.magic_of(node) for node in ast.walk(tree) if isinstance(node, ast.Call) and id(node) not in bare)
    return {call[1] for call in calls if call is not None and call[0] in magics}


class _Cell:
    """A cell that is read statement by statement: what those before have given, and the next."""

    def __init__(self, namespace: Mapping[str, Any], parts: list[Part], own: Mapping[str, ast.stmt]) -> None:
        self.names = Names()
        self.parts = parts
        self._namespace = namespace
        self._part = Part()
        #: What the cell imports, by the names that it gives to it.
        self._imports: dict[str, str] = {}
        #: Of names that were asked for, whether what they reach changes a value.
        self._changing: dict[str, bool] = {}
        #: Methods of the notebook's classes that change something, those of this cell among them.
        self._methods = reach.changing_methods(namespace)
        for one in own.values():
            if isinstance(one, ast.ClassDef):
                self._methods |= {inner.name for inner in one.body if isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef)}
        #: Variables of comprehensions that are called as nothing else is that the cell names.
        running = [node for part in parts for node in part.running]
        self._inner = alias.of_comprehensions(running).difference(*(part.names.uses | part.names.defines for part in parts))
        #: By names that the cell binds, those that may hold the same value.
        self._sources = alias.sources(running, self._is_new)

    def add(self, part: Part) -> None:
        """Takes in what the next statement does."""
        self._imports |= part.chains.imports
        part.chains.imports = self._imports
        self._part = part
        names = self.names
        names.uses |= self._known(part.names.uses | part.names.mutates | part.called.keys())
        self._add_changes()
        reached = reach.by(self._known(part.chains.loads), part.chains.attributes, self._namespace)
        names.met |= self._known(reached.chains.loads)
        written = self._known(reached.written)
        names.mutates |= written
        names.uses |= written
        names.perhaps |= {name for name in self._perhaps() if self._is_changeable(name) or reach.is_class(self._namespace.get(name))}
        names.suspect |= names.perhaps & self._suspect()
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
        bound = (self.names.defines - self.names.maybe) | self._part.local | self._inner
        known = (name for name in names if name not in bound)
        return {name for name in known if self._is_held(name) or not (name in self._sources or hasattr(builtins, name))}

    def _is_held(self, name: str) -> bool:
        """Whether the notebook has a variable of this name. IPython puts an `open` of its own there, which is Python's."""
        return name in self._namespace and not (name == "open" and chains.origin(self._namespace[name]) == "io.open")

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

    def _suspect(self) -> set[str]:
        """Names of what functions of the notebook are given that have code which changes a value."""
        calls = [given for _, root, given in self._part.calls if any(map(self._changes, self._known(given | root)))]
        return self._with_sources(set().union(*calls))

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
