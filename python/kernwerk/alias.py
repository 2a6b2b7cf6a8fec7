"""Names within a cell that may be names of what others hold: `row` in `for row in rows`."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator

# Functions of Python whose value holds nothing of what they are given.
_FRESH = {
    "abs", "all", "any", "ascii", "bin", "bool", "bytes", "callable", "chr", "complex", "dir", "divmod", "float", "format", "hash", "hex", "id", "input", "int",
    "isinstance", "issubclass", "len", "oct", "open", "ord", "pow", "print", "range", "repr", "round", "str", "sum", "type",
}  # fmt: skip

# Stands for an operator among attributes.
_ARITHMETIC = "__add__"

# What a chain of attributes, items and calls begins with holds nothing that a call on it gives: by the name and the attributes of the chain.
IsNew = Callable[[str, set[str]], bool]


def sources(nodes: Iterable[ast.AST], is_new: IsNew) -> dict[str, set[str]]:
    """By each name that `nodes` bind, those that may hold the same value, or something in it; in whatever order they stand."""
    found: dict[str, set[str]] = {}
    for node in nodes:
        for target, value in _bindings(node):
            held = held_by(value, is_new)
            for name in _bound(target):
                found.setdefault(name, set()).update(held)
    for _ in found:
        before = sum(map(len, found.values()))
        for held in found.values():
            held |= {further for name in held if name in found for further in found[name]}
        if sum(map(len, found.values())) == before:
            break
    return found


def of_comprehensions(nodes: Iterable[ast.AST]) -> set[str]:
    """The variables of comprehensions among `nodes`."""
    return {name for node in nodes if isinstance(node, ast.comprehension) for name in _bound(node.target)}


def _bindings(node: ast.AST) -> Iterator[tuple[ast.AST, ast.expr]]:
    """What a node binds, each to the value that it is bound to, or to what that is taken from."""
    match node:
        case ast.Assign(targets=targets, value=value):
            yield from ((target, value) for target in targets)
        case ast.AnnAssign(target=target, value=ast.expr() as value) | ast.NamedExpr(target=target, value=value):
            yield target, value
        case ast.For(target=target, iter=value) | ast.AsyncFor(target=target, iter=value) | ast.comprehension(target=target, iter=value):
            yield target, value
        case ast.withitem(context_expr=value, optional_vars=ast.expr() as target):
            yield target, value
        case ast.Match(subject=value, cases=cases):
            yield from ((case.pattern, value) for case in cases)


def _bound(target: ast.AST) -> Iterator[str]:
    for node in ast.walk(target):
        match node:
            case ast.Name(id=name, ctx=ast.Store()) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)) | ast.MatchMapping(rest=str(name)):
                yield name


def held_by(node: ast.expr, is_new: IsNew) -> set[str]:
    """The names that hold what the value of an expression may be, or hold."""
    match node:
        case ast.Name(id=name):
            return {name}
        case ast.Attribute() | ast.Subscript() | ast.Starred() | ast.Await():
            return _held_by_chain(node, is_new)
        case ast.Call(func=ast.Name(id=name)) if name in _FRESH:
            return set()
        case ast.Call() if _is_new_call(node, is_new):
            return set()
        case ast.Call(args=args, keywords=keywords):
            given = [*args, *(keyword.value for keyword in keywords)]
            return _held_by_chain(node, is_new).union(*(held_by(one, is_new) for one in given))
        case ast.List(elts=parts) | ast.Tuple(elts=parts) | ast.Set(elts=parts) | ast.BoolOp(values=parts):
            return set().union(*(held_by(one, is_new) for one in parts))
        case ast.Dict(keys=keys, values=values):
            return set().union(*(held_by(one, is_new) for one in (*keys, *values) if one is not None))
        case ast.IfExp(body=one, orelse=other):
            return held_by(one, is_new) | held_by(other, is_new)
        case ast.BinOp(left=one, right=other):
            # Of lists the items are in the sum; of arrays and frames nothing is.
            is_counted = any(isinstance(part, ast.Name) and is_new(part.id, {_ARITHMETIC}) for part in (one, other))
            return set() if is_counted else held_by(one, is_new) | held_by(other, is_new)
        case ast.NamedExpr(value=value):
            return held_by(value, is_new)
        case ast.ListComp(elt=part) | ast.SetComp(elt=part) | ast.GeneratorExp(elt=part) | ast.DictComp(value=part):
            return held_by(part, is_new)
        case ast.Lambda(body=body):
            return {one.id for one in ast.walk(body) if isinstance(one, ast.Name)}
    return set()


def _held_by_chain(node: ast.AST, is_new: IsNew) -> set[str]:
    """What a chain of attributes, items and calls may be a part of: what it begins with."""
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Call | ast.Starred | ast.Await):
        if _is_new_call(node, is_new) or _is_choice(node, is_new):
            return set()
        node = node.func if isinstance(node, ast.Call) else node.value
    return held_by(node, is_new) if isinstance(node, ast.expr) else set()


def _is_choice(node: ast.AST, is_new: IsNew) -> bool:
    """Whether it is rows or items of an array or a frame by a list or a condition, which are copies: `table[table.fare > 9]`."""
    match node:
        case ast.Subscript(value=ast.Name(id=name), slice=ast.List() | ast.Compare() | ast.BinOp(op=ast.BitAnd() | ast.BitOr()) | ast.UnaryOp(op=ast.Invert())):
            return is_new(name, {_ARITHMETIC})
    return False


def _is_new_call(node: ast.AST, is_new: IsNew) -> bool:
    """Whether a chain of attributes, items and calls has a call of which is known that it gives something new."""
    attributes: set[str] = set()
    is_called = False
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Call):
        is_called |= isinstance(node, ast.Call)
        if isinstance(node, ast.Attribute):
            attributes.add(node.attr)
        node = node.func if isinstance(node, ast.Call) else node.value
    return is_called and isinstance(node, ast.Name) and is_new(node.id, attributes)
