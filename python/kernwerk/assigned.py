"""Which names a statement binds whatever happens, not under a condition or in a loop; and which it reads before it has bound them."""

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


def read_before(statement: ast.stmt) -> set[str]:
    """The names that the statement may read before it has surely bound them: those that earlier ones give to it. What functions within it read when they
    are called later is not among them.
    """
    reads = _Reads()
    reads.visit(statement, set())
    return reads.found


class _Reads:
    """Goes through a statement in the order in which it runs, with the names that are bound so far."""

    def __init__(self) -> None:
        self.found: set[str] = set()

    def visit(self, statement: ast.stmt, bound: set[str]) -> None:
        match statement:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                # All of it but its body, which runs later: defaults and annotations, too.
                self._read((node for node in ast.iter_child_nodes(statement) if not isinstance(node, ast.stmt)), bound)
            case ast.ClassDef(body=body):
                self._read((node for node in ast.iter_child_nodes(statement) if not isinstance(node, ast.stmt)), bound)
                self._visit_all(body, set(bound))
            case ast.For(target=target, iter=source, body=body, orelse=orelse) | ast.AsyncFor(target=target, iter=source, body=body, orelse=orelse):
                self._read([source], bound)
                self._read([target], bound)
                self._visit_all(body, bound | _bound([target]))
                self._visit_all(orelse, set(bound))
            case ast.While(test=test, body=body, orelse=orelse) | ast.If(test=test, body=body, orelse=orelse):
                self._read([test], bound)
                self._visit_all(body, set(bound))
                self._visit_all(orelse, set(bound))
            case ast.With(items=items, body=body) | ast.AsyncWith(items=items, body=body):
                within = set(bound)
                for item in items:
                    self._read([item.context_expr], within)
                    if item.optional_vars:
                        self._read([item.optional_vars], within)
                        within |= _bound([item.optional_vars])
                self._visit_all(body, within)
            case ast.Try(body=body, handlers=handlers, orelse=orelse, finalbody=finalbody) | ast.TryStar(body=body, handlers=handlers, orelse=orelse, finalbody=finalbody):
                within = set(bound)
                self._visit_all([*body, *orelse], within)
                for handler in handlers:
                    self._read([handler.type] if handler.type else [], bound)
                    self._visit_all(handler.body, bound | ({handler.name} if handler.name else set()))
                self._visit_all(finalbody, set(bound))
            case ast.Match(subject=subject, cases=cases):
                self._read([subject], bound)
                for case in cases:
                    patterns = list(ast.walk(case.pattern))
                    captured = {name for node in patterns if isinstance(name := getattr(node, "name", None) or getattr(node, "rest", None), str)}
                    self._read([case.pattern], bound)
                    self._read([case.guard] if case.guard else [], bound | captured)
                    self._visit_all(case.body, bound | captured)
            case ast.AugAssign(target=target, value=value):
                self._read([value, target], bound)
                if isinstance(target, ast.Name) and target.id not in bound:
                    self.found.add(target.id)
            case ast.Assign(targets=targets, value=value):
                self._read([value, *targets], bound)
            case ast.Delete(targets=targets):
                self._read(targets, bound)
                self.found |= _bound(targets) - bound
                bound -= _bound(targets)
                return
            case _:
                self._read([statement], bound)
        bound |= surely(statement)

    def _visit_all(self, statements: list[ast.stmt], bound: set[str]) -> None:
        for statement in statements:
            self.visit(statement, bound)

    def _read(self, nodes: Iterable[ast.AST], bound: set[str]) -> None:
        for node in nodes:
            self._read_one(node, set(bound))

    def _read_one(self, node: ast.AST, bound: set[str]) -> None:
        match node:
            case ast.Name(id=name, ctx=ast.Load()):
                if name not in bound:
                    self.found.add(name)
            case ast.Lambda(args=arguments):
                self._read([*arguments.defaults, *filter(None, arguments.kw_defaults)], bound)
            case ast.ListComp(elt=part, generators=generators) | ast.SetComp(elt=part, generators=generators) | ast.GeneratorExp(elt=part, generators=generators):
                self._read_comprehension([part], generators, bound)
            case ast.DictComp(key=key, value=value, generators=generators):
                self._read_comprehension([key, value], generators, bound)
            case _:
                self._read(ast.iter_child_nodes(node), bound)

    def _read_comprehension(self, parts: list[ast.expr], generators: list[ast.comprehension], bound: set[str]) -> None:
        within = set(bound)
        for generator in generators:
            self._read([generator.iter], within)
            within |= _bound([generator.target])
            self._read([generator.target, *generator.ifs], within)
        self._read(parts, within)
