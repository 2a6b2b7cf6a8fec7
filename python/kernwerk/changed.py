"""Whether a cell has changed values of which its text does not tell whether it would, or tells that it might."""

from __future__ import annotations

import collections
import dataclasses
import functools
import gc
import types
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from kernwerk import sharing

# So much of a value is looked at.
_MOST_OBJECTS = 1000
_MOST_BYTES = 1 << 18
# Values whose state is in what they refer to.
_SEEN_THROUGH: tuple[type, ...] = (
    classmethod, collections.deque, dataclasses.Field, functools.partial, property, staticmethod, types.CellType, types.MappingProxyType, types.MethodType,
    types.SimpleNamespace,
)  # fmt: skip
_CONTAINERS = frozenset([dict, list, tuple, set, frozenset])
# Where the classes of classes come from that keep nothing unseen.
_MODULES_OF_CLASSES = {"abc", "builtins", "enum", "typing"}
_PLAIN = frozenset(sharing.INERT)
# So many items of a container that has more, at either end; so many slices of an array.
_ENDS = 25
_SLICES = 256


@dataclass
class Seen:
    """A value as it was when a cell began."""

    value: object
    print: int
    #: All of it was looked at.
    is_whole: bool
    #: What was looked at and is told by where it lies: as long as it is kept, nothing else comes to lie there.
    kept: list[object]


def look(names: Iterable[str], namespace: Mapping[str, Any]) -> dict[str, Seen]:
    """The values of these names as they are now."""
    return {name: _look(namespace[name], namespace) for name in names if name in namespace}


def compare(seen: Mapping[str, Seen], surely: set[str], namespace: Mapping[str, Any]) -> tuple[set[str], set[str]]:
    """The names whose values are not what they were; where a value could not be looked through, those among `surely` are taken to be changed. And the names that
    have the values which they had, which, as far as they reach, are what they were.
    """
    changed, unchanged = set(), set()
    for name, before in seen.items():
        after = _look(before.value, namespace)
        is_whole = before.is_whole and after.is_whole
        if after.print != before.print or (name in surely and not is_whole):
            changed.add(name)
        elif is_whole and namespace.get(name, seen) is before.value:
            unchanged.add(name)
    return changed, unchanged


def _look(value: object, namespace: Mapping[str, Any]) -> Seen:
    print_ = _Print(namespace)
    try:
        print_.take(value)
    except Exception:  # Values of others' classes may raise anything.
        return Seen(value, 0, False, print_.kept)
    return Seen(value, hash(tuple(print_.parts)), print_.is_whole, print_.kept)


class _Print:
    """What tells a value from what it was before."""

    def __init__(self, namespace: Mapping[str, Any]) -> None:
        self._namespace = namespace
        self.parts: list[object] = []
        self.is_whole = True
        self.kept: list[object] = []
        self._seen: set[int] = set()
        self._waiting: list[object] = []

    def take(self, value: object) -> None:
        self._waiting.append(value)
        while self._waiting:
            one = self._waiting.pop()
            self._take_place(one)
            if type(one) in _PLAIN or id(one) in self._seen or sharing.is_inert(one) or sharing.is_apart(one):
                continue
            if len(self._seen) >= _MOST_OBJECTS:
                self.is_whole = False
                continue
            self._seen.add(id(one))
            self._add(one)

    def _take_place(self, one: object) -> None:
        self.parts.append(id(one))
        # The memory of an array is too large to be kept, and its content is told.
        if not sharing.is_array(one):
            self.kept.append(one)

    def _add(self, one: Any) -> None:
        if sharing.is_array(one):
            self._add_array(one)
        elif sharing.is_table(one):
            self.parts += [getattr(one, "name", None) if one.ndim == 1 else None, one.flags.allows_duplicate_labels]
            self._waiting += [*one._mgr.axes, *one._mgr.arrays, one.attrs]
        elif sharing.is_of(one, "pandas", "Index"):
            self.parts.append(tuple(one.names))
        elif sharing.is_of(one, "pandas", "ExtensionArray"):
            self._add_column(one)
        elif sharing.is_of(one, "polars", "DataFrame"):
            self._add_frame(one)
        elif isinstance(one, dict | list | tuple | set | frozenset):
            self._add_container(one)
        elif isinstance(one, bytearray):
            self.parts.append(bytes(one))
        elif isinstance(one, types.FunctionType):
            self.parts += [id(one.__code__), one.__name__, one.__qualname__, one.__doc__]
            self._waiting += sharing.kept_by(one)
        elif isinstance(one, type):
            self.is_whole &= one.__module__ == "__main__"
            self.parts += map(id, one.__mro__)
            self.parts.append(hash(tuple(vars(one))))
            self._waiting += sharing.held_by_class(one)
        else:
            # Others keep more than what they refer to: an iterator where it is, a generator of numbers its state; or what means nothing, such as a cache.
            is_of_notebook = type(one).__module__ == "__main__" and type(type(one)).__module__ in _MODULES_OF_CLASSES
            if is_of_notebook or isinstance(one, _SEEN_THROUGH) or type(one).__module__ == "dataclasses":
                self._waiting += [held for held in gc.get_referents(one) if held is not self._namespace]
            else:
                self.is_whole = False

    def _add_container(self, one: Any) -> None:
        if type(one) not in _CONTAINERS:
            # What those have that are derived from them.
            self.is_whole &= type(one).__module__ in ("__main__", "collections")
            self._waiting += [vars(one) if hasattr(one, "__dict__") else None, getattr(one, "default_factory", None)]
        self._add_items([part for item in one.items() for part in item] if isinstance(one, dict) else list(one))

    def _add_items(self, items: list[object]) -> None:
        self.parts.append(len(items))
        if len(items) > 2 * _ENDS:
            self.is_whole &= all(map(sharing.is_inert, items))
            self.parts.append(hash(tuple(map(id, items))))
            self.kept.append(items)
            items = [*items[:_ENDS], *items[-_ENDS:]]
        self._waiting += items

    def _add_column(self, one: Any) -> None:
        """A column of pandas in a form of its own: above numpy's array, or above memory of Arrow, which is never written again."""
        for held in (getattr(one, name, None) for name in ("_ndarray", "_data", "_mask", "_pa_array")):
            if held is not None:
                self._waiting.append(held)
        self.is_whole &= any(hasattr(one, name) for name in ("_ndarray", "_mask", "_pa_array"))

    def _add_frame(self, one: Any) -> None:
        self.parts.append(tuple((name, str(kind)) for name, kind in one.schema.items()))
        try:
            rows = one.hash_rows().to_list() if one.estimated_size() <= _MOST_BYTES else None
        except Exception:  # Polars has no digest of some kinds, and tells so by several errors.
            rows = None
        self.is_whole &= rows is not None
        self.parts.append(hash(tuple(rows or ())))

    def _add_array(self, one: Any) -> None:
        self.parts.append((one.shape, one.strides, str(one.dtype), one.flags.writeable))
        if one.dtype.hasobject:
            self._add_items(one.ravel(order="K").tolist())
        elif one.nbytes <= _MOST_BYTES:
            self.parts.append(one.tobytes())
        else:
            self.is_whole = False
            longest = one.shape.index(max(one.shape))
            steps = slice(None, None, max(1, one.shape[longest] // _SLICES))
            self.parts.append(one[(slice(None),) * longest + (steps,)].tobytes())
