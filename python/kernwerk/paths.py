"""The files that calls such as `polars.read_csv(data / "rides.csv")` are given, where the variables of the notebook tell their names: what packages open past
Python, Python does not tell of.
"""

from __future__ import annotations

import ast
import os
import pathlib
from collections.abc import Mapping
from typing import Any

_BEGINNINGS = ("read_", "scan_")


def given_to_readers(code: str, variables: Mapping[str, Any]) -> list[pathlib.Path]:
    """The files that the calls in `code` are given which read tables, with the variables as they are now."""
    try:
        tree = ast.parse(code)
    except (SyntaxError, ValueError):
        return []
    arguments = [node.args[0] for node in ast.walk(tree) if isinstance(node, ast.Call) and node.args and _name_of(node.func).startswith(_BEGINNINGS)]
    found = (_value(argument, variables) for argument in arguments)
    return [path.absolute() for path in map(pathlib.Path, filter(None, found)) if path.is_file()]


def _name_of(function: ast.expr) -> str:
    match function:
        case ast.Attribute(attr=name) | ast.Name(id=name):
            return name
    return ""


def _value(node: ast.expr, variables: Mapping[str, Any]) -> str | None:
    """The text that an expression gives, where it is put together of texts and paths alone."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.Name(id=name):
            value = variables.get(name)
            return os.fspath(value) if isinstance(value, str | pathlib.PurePath) else None
        case ast.BinOp(left=left, op=ast.Div() | ast.Add() as operator, right=right):
            one, other = _value(left, variables), _value(right, variables)
            if one is None or other is None:
                return None
            return os.path.join(one, other) if isinstance(operator, ast.Div) else one + other
        case ast.JoinedStr(values=parts):
            texts = [_value(part.value, variables) if isinstance(part, ast.FormattedValue) and part.format_spec is None else _value(part, variables) for part in parts]
            return None if None in texts else "".join(text for text in texts if text is not None)
        case ast.Call(func=function, args=[one], keywords=[]) if _name_of(function) in ("Path", "str", "fspath"):
            return _value(one, variables)
        case ast.Call(func=function, args=[_, *_] as arguments, keywords=[]) if _name_of(function) == "join":
            texts = [_value(argument, variables) for argument in arguments]
            return None if None in texts else os.path.join(*(text for text in texts if text is not None))
    return None
