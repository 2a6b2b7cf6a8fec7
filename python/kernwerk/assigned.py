"""Which names a statement binds whatever happens: not those that it binds under a condition or in a loop."""

from __future__ import annotations

import ast
from collections.abc import Iterable


def surely(statement: ast.stmt) -> set[str]:
    """The names that the statement binds, or deletes, wherever it ends well."""
    match statement:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return {name}
        case ast.Import(names=names) | ast.ImportFrom(names=names):
            return {one.asname or one.name.partition(".")[0] for one in names}
        case ast.Assign(targets=targets) | ast.Delete(targets=targets):
            return _bound(targets)
        case ast.AnnAssign(target=target, value=ast.expr()) | ast.AugAssign(target=target):
            return _bound([target])
        case ast.With(items=items, body=body) | ast.AsyncWith(items=items, body=body):
            return _bound(item.optional_vars for item in items if item.optional_vars) | _by_all(body)
        case ast.If(body=body, orelse=[_, *_] as orelse):
            return _by_all(body) & _by_all(orelse)
        case ast.Try(body=body, handlers=handlers, orelse=orelse, finalbody=finalbody):
            whole = _by_all([*body, *orelse])
            return whole.intersection(*(_by_all(handler.body) for handler in handlers)) | _by_all(finalbody)
    return set()


def _by_all(statements: Iterable[ast.stmt]) -> set[str]:
    return set().union(*map(surely, statements))


def _bound(targets: Iterable[ast.AST]) -> set[str]:
    """The names among targets; what they set items or attributes of is none."""
    found: set[str] = set()
    for target in targets:
        match target:
            case ast.Name(id=name):
                found.add(name)
            case ast.Tuple(elts=parts) | ast.List(elts=parts):
                found |= _bound(parts)
            case ast.Starred(value=value):
                found |= _bound([value])
    return found
