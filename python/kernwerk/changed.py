"""Whether a cell has changed values of which its text does not tell whether it would, or tells that it might."""

from __future__ import annotations

import collections
import gc
import types
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from kernwerk import sharing

# So much of a value is looked at.
_MOST_OBJECTS = 1000
_MOST_BYTES = 1 << 20
# Values whose state is in what they refer to.
_SEEN_THROUGH: tuple[type, ...] = (types.CellType, types.FunctionType, types.MappingProxyType, types.MethodType, types.SimpleNamespace, collections.deque)
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


def look(names: Iterable[str], namespace: Mapping[str, Any]) -> dict[str, Seen]:
    """The values of these names as they are now."""
    return {name: _look(namespace[name], namespace) for name in names if name in namespace}


def unchanged(seen: Mapping[str, Seen], namespace: Mapping[str, Any]) -> set[str]:
    """The names that have the values which they had, and these, as far as they reach, are what they were."""
    same = {name: before for name, before in seen.items() if before.is_whole and namespace.get(name, seen) is before.value}
    after = {name: _look(before.value, namespace) for name, before in same.items()}
    return {name for name in same if after[name].is_whole and after[name].print == same[name].print}


def among(seen: Mapping[str, Seen], surely: set[str], namespace: Mapping[str, Any]) -> set[str]:
    """The names whose values are not what they were. Where a value could not be looked through, those among `surely` are taken to be changed."""
    changed = set()
    for name, before in seen.items():
        after = _look(before.value, namespace)
        if after.print != before.print or (name in surely and not (before.is_whole and after.is_whole)):
            changed.add(name)
    return changed


def _look(value: object, namespace: Mapping[str, Any]) -> Seen:
    print_ = _Print(namespace)
    print_.take(value)
    return Seen(value, hash(tuple(print_.parts)), print_.is_whole)


class _Print:
    """What tells a value from what it was before."""

    def __init__(self, namespace: Mapping[str, Any]) -> None:
        self._namespace = namespace
        self.parts: list[object] = []
        self.is_whole = True
        self._seen: set[int] = set()
        self._waiting: list[object] = []

    def take(self, value: object) -> None:
        self._waiting.append(value)
        while self._waiting:
            one = self._waiting.pop()
            # What cannot change is told by where it lies: nobody else can come to lie there while the value is kept.
            self.parts.append(id(one))
            if type(one) in _PLAIN or id(one) in self._seen or sharing.is_inert(one) or sharing.is_apart(one):
                continue
            if len(self._seen) >= _MOST_OBJECTS:
                self.is_whole = False
                continue
            self._seen.add(id(one))
            self._add(one)

    def _add(self, one: Any) -> None:
        if sharing.is_array(one):
            self._add_array(one)
        elif sharing.is_table(one):
            self._waiting += [*one._mgr.axes, *one._mgr.arrays, one.attrs]
        elif isinstance(one, dict):
            self._add_items([part for item in one.items() for part in item])
        elif isinstance(one, list | tuple | set | frozenset):
            self._add_items(list(one))
        elif isinstance(one, bytearray):
            self.parts.append(bytes(one))
        else:
            # Others keep more than what they refer to: an iterator where it is, a generator of numbers its state.
            self.is_whole &= isinstance(one, _SEEN_THROUGH) or type(type(one)) is type and type(one).__module__ == "__main__"
            self._waiting += [held for held in gc.get_referents(one) if held is not self._namespace]

    def _add_items(self, items: list[object]) -> None:
        self.parts.append(len(items))
        if len(items) > 2 * _ENDS:
            self.is_whole &= all(map(sharing.is_inert, items))
            self.parts.append(hash(tuple(map(id, items))))
            items = [*items[:_ENDS], *items[-_ENDS:]]
        self._waiting += items

    def _add_array(self, one: Any) -> None:
        self.parts.append((one.shape, str(one.dtype)))
        if one.dtype.hasobject:
            self._add_items(one.ravel(order="K").tolist())
        elif one.nbytes <= _MOST_BYTES:
            self.parts.append(one.tobytes())
        else:
            self.is_whole = False
            longest = one.shape.index(max(one.shape))
            steps = slice(None, None, max(1, one.shape[longest] // _SLICES))
            self.parts.append(one[(slice(None),) * longest + (steps,)].tobytes())
