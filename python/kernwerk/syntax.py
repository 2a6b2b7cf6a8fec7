"""What the syntax of a cell of Python shows, statement by statement, before anything is known of the values."""

from __future__ import annotations

import ast
import symtable
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from kernwerk import assigned, chains, library
from kernwerk._kernwerk import bound_by
from kernwerk.chains import Chains

# What runs text, or reaches names that are not spelt out.
_OPAQUE = {"exec", "eval", "compile", "globals", "locals", "setattr", "delattr", "__import__"}
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
    #: Those of them that it gives to functions of the notebook whose code changes something. They are not recorded.
    suspect: set[str] = field(default_factory=set)
    #: Names of earlier cells that functions of the notebook read which it may call. They are not recorded.
    met: set[str] = field(default_factory=set)
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
class Part:
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
    #: Variables of functions and comprehensions within it, and those that it binds before it reads them.
    local: set[str] = field(default_factory=set)
    #: Classes that it makes others of.
    bases: set[str] = field(default_factory=set)
    #: The nodes that run when it does.
    running: list[ast.AST] = field(default_factory=list)
    #: It begins the generator anew whose function this chain is, whatever was before.
    seeds: tuple[str, ...] | None = None


def of_statement(statement: ast.stmt, magics: Collection[str], own: Mapping[str, ast.stmt]) -> Part:
    """`own` are the functions and classes that the cell defines."""
    part = Part()
    names = part.names
    table = symtable.symtable(ast.unparse(statement), "cell", "exec")
    for symbol in table.get_symbols():
        if symbol.is_assigned() or symbol.is_imported():
            names.defines.add(symbol.get_name())
    names.uses = assigned.read_before(statement)
    for inner in _inner(table):
        for symbol in inner.get_symbols():
            if symbol.is_global() and symbol.is_assigned():
                names.defines.add(symbol.get_name())
            # What a comprehension reads it reads at once.
            if symbol.is_global() and inner.get_name() not in _COMPREHENSIONS:
                names.uses.add(symbol.get_name())
    names.maybe = names.defines - assigned.surely(statement)
    for node in ast.walk(statement):
        _of_node(part, node, magics)
    # Variables of functions within it are no names of the notebook.
    spelt = names.uses | names.defines
    part.local = {name for name in part.called.keys() | part.named.keys() | names.mutates | part.stored if name not in spelt}
    # Nor are those of an earlier cell that the statement has bound itself before it reads them.
    part.local |= names.defines - names.uses
    part.running = list(_at_once(statement))
    for node in part.running:
        _of_call(part, node)
    match statement:
        case ast.Expr(value=ast.Call(func=function, args=[_, *_])):
            part.seeds = chains.chain_of(function)
    names.chooses_magics = any(isinstance(node, ast.Call) and magic_of(node) for node in _within(statement))
    part.chains = chains.of_nodes(_with_functions(part.running, own))
    # How magics are called is nothing of the notebook's.
    names.uses.discard("get_ipython")
    names.mutates.discard("get_ipython")
    part.called.pop("get_ipython", None)
    part.named.pop("get_ipython", None)
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


# The names of what the compiler makes of comprehensions.
_COMPREHENSIONS = {"dictcomp", "genexpr", "listcomp", "setcomp"}


def _inner(table: symtable.SymbolTable) -> Iterator[symtable.SymbolTable]:
    for child in table.get_children():
        yield child
        yield from _inner(child)


def _of_node(part: Part, node: ast.AST, magics: Collection[str]) -> None:
    names = part.names
    match node:
        case ast.Call(func=ast.Name(id=name)) if name in _OPAQUE:
            names.barrier = True
        # Without an argument it is of the notebook's variables.
        case ast.Call(func=ast.Name(id="vars"), args=[]):
            names.barrier = True
        # What it gives is the dictionary of the value itself: who sets an item there changes the value.
        case ast.Call(func=ast.Name(id="vars"), args=[one, *_]):
            names.mutates |= _root(one)
        case ast.Call(func=ast.Attribute(value=ast.Call(func=ast.Name(id="get_ipython")))):
            magic = magic_of(node)
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


def _of_decorators(part: Part, decorators: list[ast.expr]) -> None:
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


def _of_call(part: Part, node: ast.AST) -> None:
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
            if magic_of(node) is None:
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


def magic_of(node: ast.expr) -> tuple[str, str] | None:
    """The magic that a call stands for, as IPython writes it: its name and its text."""
    parts = parts_of_magic(node)
    return (parts[0], text_of(*parts)) if parts is not None else None


def parts_of_magic(node: ast.expr) -> tuple[str, str, str | None] | None:
    """The magic that a call stands for, as IPython writes it: its name, its line, and the text below it."""
    match node:
        case ast.Call(
            func=ast.Attribute(value=ast.Call(func=ast.Name(id="get_ipython")), attr="run_line_magic" | "run_cell_magic"),
            args=[ast.Constant(value=str(name)), ast.Constant(value=str(line)), *body],
        ):
            texts = [text.value for text in body if isinstance(text, ast.Constant)]
            return name, line, str(texts[0]) if texts else None
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
