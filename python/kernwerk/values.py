"""Values in the one form that all equal ones have: what a promotion's target is compared by.

Frames are compared by the engine, by their Arrow content.
"""

from __future__ import annotations

import datetime
import decimal
import io
import json
import sys
from collections.abc import Callable
from typing import Any

# Types beside those of JSON, and how each is written.
_WRITTEN: dict[type, Callable[[Any], Any]] = {
    bytes: lambda value: value.hex(),
    bytearray: lambda value: value.hex(),
    complex: lambda value: [repr(value.real), repr(value.imag)],
    range: lambda value: [value.start, value.stop, value.step],
    datetime.date: lambda value: value.isoformat(),
    datetime.datetime: lambda value: value.isoformat(),
    datetime.time: lambda value: value.isoformat(),
    datetime.timedelta: lambda value: [value.days, value.seconds, value.microseconds],
    decimal.Decimal: str,
}


def canonical(value: object) -> tuple[bool, bytes]:
    """The value in bytes, and whether they are NumPy's file format rather than JSON.

    Raises `TypeError` for what has no such form; an object's attributes are not looked into.
    """
    numpy = sys.modules.get("numpy")
    if numpy is not None and isinstance(value, numpy.ndarray):
        return True, _array(numpy, value)
    text = json.dumps(_plain(value), ensure_ascii=False, sort_keys=True, indent=1)
    # Lone surrogates, which file names may hold, are no UTF-8.
    return False, text.encode(errors="surrogatepass") + b"\n"


def _array(numpy: Any, value: Any) -> bytes:
    if value.dtype.hasobject:
        raise TypeError(f"an array of {value.dtype} holds objects, not numbers")
    file = io.BytesIO()
    # Of a matrix or a masked array the numbers alone; in the order of rows, however it lies in memory.
    numpy.lib.format.write_array(file, numpy.array(value, order="C", copy=True, subok=False), version=(1, 0), allow_pickle=False)
    return file.getvalue()


def _plain(value: Any) -> Any:
    kind = type(value)
    if value is None or kind in (bool, int, float, str):
        return value
    if kind is list:
        return [_plain(item) for item in value]
    if kind is dict:
        return _plain_dictionary(value)
    if kind is tuple:
        return {"!tuple": [_plain(item) for item in value]}
    if kind in (set, frozenset):
        return {f"!{kind.__name__}": sorted((_plain(item) for item in value), key=_sorted_by)}
    if kind in _WRITTEN:
        return {f"!{kind.__name__}": _WRITTEN[kind](value)}
    numpy = sys.modules.get("numpy")
    if numpy is not None and isinstance(value, (numpy.ndarray, numpy.generic)) and not value.dtype.hasobject:
        return {"!numpy": [value.dtype.str, list(value.shape), value.tobytes().hex()]}
    raise TypeError(f"it holds a {kind.__module__}.{kind.__qualname__}, of which nobody can say when two are equal")


def _plain_dictionary(value: dict[Any, Any]) -> Any:
    if all(type(key) is str and not key.startswith("!") for key in value):
        return {key: _plain(item) for key, item in value.items()}
    pairs = [[_plain(key), _plain(item)] for key, item in value.items()]
    return {"!dict": sorted(pairs, key=_sorted_by)}


def _sorted_by(plain: Any) -> str:
    return json.dumps(plain, sort_keys=True)
