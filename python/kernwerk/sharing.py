"""Which names of the notebook share something that can change, as their values are when a cell has ended: what follows from changing one of them for the
others.

A value is looked through as far as Python's collector of garbage sees into it. What it reaches and what can change counts; where that is too much, or
belongs to a package of which nothing is known, the value counts as sharing with all others of the cell.
"""

from __future__ import annotations

import datetime
import decimal
import enum
import fractions
import gc
import pathlib
import re
import sys
import types
import uuid
import weakref
from collections.abc import Iterable, Mapping
from typing import Any

from kernwerk import library
from kernwerk._kernwerk import Frame

# Values that never change and hold nothing that does.
INERT: tuple[type, ...] = (
    str, bytes, int, float, complex, range, slice, type(None), type(...), type(NotImplemented), datetime.date, datetime.time, datetime.timedelta,
    datetime.tzinfo, decimal.Decimal, enum.Enum, fractions.Fraction, pathlib.PurePath, re.Match, re.Pattern, types.CodeType, types.GenericAlias, uuid.UUID, Frame,
)  # fmt: skip
# Those of numpy and pandas, by package and class, and what is derived from them.
_INERT_CLASSES = {
    ("numpy", "dtype"), ("numpy", "generic"), ("pandas", "ExtensionDtype"), ("pandas", "NaTType"), ("pandas", "NAType"), ("pandas", "BaseOffset"),
    ("pandas", "Interval"), ("pandas", "Period"),
}  # fmt: skip
# Packages whose objects cannot be changed.
_INERT_PACKAGES = {"pyarrow"}
# So many objects are looked at for one name.
_MOST = 1000

# What each class has: how slots and attributes are reached, and what abstract ones know of others.
_OF_ANY_CLASS: tuple[type, ...] = (types.GetSetDescriptorType, types.MemberDescriptorType, types.WrapperDescriptorType, types.MethodDescriptorType)
# Nearly all that values hold is of these.
_PLAIN = frozenset(INERT)
# Names of what is shared: of an object where it lies, and of the memory of arrays.
Key = int | tuple[str, int]


def look(names: Iterable[str], namespace: Mapping[str, Any]) -> tuple[list[set[str]], set[str]]:
    """The names whose values share something that can change, those together that share with each other: no group has one name alone. Then the names
    whose values may be or hold code of the notebook, which looks up names when it is called.
    """
    looks = {name: _Look(namespace).through(namespace[name]) for name in names if name in namespace}
    return _groups({name: look for name, look in looks.items() if look.keys or look.is_unsure}), {name for name, look in looks.items() if look.has_code or look.is_unsure}


def _groups(looks: Mapping[str, _Look]) -> list[set[str]]:
    unsure = {name for name, look in looks.items() if look.is_unsure}
    if unsure:
        return [set(looks)] if len(looks) > 1 else []
    owners: dict[Key, set[str]] = {}
    for name, look in looks.items():
        group = {name}.union(*(owners[key] for key in look.keys if key in owners))
        for key in look.keys:
            owners.setdefault(key, group)
        for one in group:
            for key in looks[one].keys:
                owners[key] = group
    distinct = {id(group): group for group in owners.values() if len(group) > 1}
    return list(distinct.values())


class Aliases:
    """The groups of names that cells have left behind, as far as the names are still of the same values."""

    def __init__(self) -> None:
        self._of: dict[str, set[str]] = {}

    def of(self, names: Iterable[str]) -> set[str]:
        """The names, and those that may share something with one of them."""
        return {other for name in names for other in self._of.get(name, {name})}

    def add(self, defined: Iterable[str], groups: Iterable[set[str]]) -> None:
        """Takes in that a cell has ended, which has defined names anew."""
        for name in defined:
            self._of.pop(name, {name}).discard(name)
        for group in groups:
            joined = self.of(group) | group
            self._of |= dict.fromkeys(joined, joined)


def is_apart(value: object) -> bool:
    """Whether a value is a module, or a function or a class of one, of a package of which is known what it does: nothing that is called by way of it changes
    another value unseen."""
    # By its type: what stands for another value, and perhaps for one that is gone, is not asked what it is.
    if issubclass(type(value), types.ModuleType):
        return _is_told(_package(getattr(value, "__name__", None)))
    if issubclass(type(value), type | types.FunctionType | types.BuiltinFunctionType):
        owner = getattr(value, "__self__", None)
        is_of_module = owner is None or isinstance(owner, types.ModuleType | type)
        return is_of_module and _is_told(_package(getattr(value, "__module__", None)))
    return False


def kept_by(function: types.FunctionType) -> list[object]:
    """What a function keeps for itself: variables around it, defaults of its arguments, its attributes."""
    return [*(function.__closure__ or ()), *(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values(), *vars(function).values()]


def held_by_class(kind: type) -> list[object]:
    """What a class of the notebook and those of the notebook above it hold, but for what the compiler makes for each."""
    return [held for owner in kind.__mro__ if owner.__module__ == "__main__" for held in vars(owner).values() if not _is_of_any_class(held)]


def _is_of_any_class(held: object) -> bool:
    return isinstance(held, _OF_ANY_CLASS) or type(held).__name__ == "_abc_data"


def _is_told(package: str) -> bool:
    """Whether what its objects hold is known: they can be looked through, and its modules keep nothing that they are given."""
    return package in sys.stdlib_module_names or library.is_told(package)


def _package(module: object) -> str:
    return module.partition(".")[0] if isinstance(module, str) else "builtins"


class _Look:
    """What one value reaches."""

    def __init__(self, namespace: Mapping[str, Any]) -> None:
        self._namespace = namespace
        self.keys: set[Key] = set()
        #: It is or holds a function, a class or a generator of the notebook.
        self.has_code = False
        #: It could not be looked through.
        self.is_unsure = False
        self._waiting: list[object] = []
        self._left = _MOST

    def through(self, value: object) -> _Look:
        try:
            self._go_through(value)
        except Exception:  # Values of others' classes may raise anything.
            self.is_unsure = True
        return self

    def _go_through(self, value: object) -> None:
        self._waiting.append(value)
        while self._waiting and not self.is_unsure:
            one = self._waiting.pop()
            kind = type(one)
            if kind in _PLAIN or id(one) in self.keys:
                continue
            self._left -= 1
            if self._left < 0:
                self.is_unsure = True
            elif kind is list or kind is dict:
                self._add_container(one)
            elif not is_inert(one):
                self._add(one)

    def _add(self, one: object) -> None:
        match one:
            case types.ModuleType() | type() | types.FunctionType() | types.BuiltinFunctionType() if is_apart(one):
                return
            case types.ModuleType():
                self.is_unsure = True
            case weakref.ref():
                self._waiting.append(one())
            case types.FunctionType():
                self._add_function(one)
            case types.GeneratorType() | types.CoroutineType() | types.AsyncGeneratorType():
                self._add_key(one)
                self._add_running(one)
            case type():
                self._add_class(one)
            case _ if is_array(one):
                self._add_array(one)
            case _ if is_table(one):
                self._add_table(one)
            case _ if is_of(one, "pandas", "Index"):
                # Its values stay what they are, and its name does not.
                self._add_key(one)
            case _:
                self._add_object(one)

    def _add_key(self, one: object) -> None:
        self.keys.add(id(one))

    def _add_function(self, one: types.FunctionType) -> None:
        """A function holds what it keeps for itself, and what it finds by global names."""
        # What wraps a function has its name; where its code comes from, its global variables tell.
        if one.__globals__ is not self._namespace and not _is_told(_package(one.__globals__.get("__name__"))):
            self.is_unsure = True
            return
        self._add_key(one)
        self._waiting += kept_by(one)
        if one.__globals__ is self._namespace:
            self.has_code = True
            self._add_globals(one.__code__)

    def _add_globals(self, code: types.CodeType) -> None:
        self._waiting += [self._namespace[name] for name in code.co_names if name in self._namespace]
        for constant in code.co_consts:
            if isinstance(constant, types.CodeType):
                self._add_globals(constant)

    def _add_running(self, one: Any) -> None:
        self.has_code = True
        frame = next((frame for name in ("gi_frame", "cr_frame", "ag_frame") if (frame := getattr(one, name, None)) is not None), None)
        if frame is not None:
            self._waiting += frame.f_locals.values()
            if frame.f_globals is self._namespace:
                self._add_globals(frame.f_code)

    def _add_class(self, one: type) -> None:
        if one.__module__ != "__main__":
            self.is_unsure = True
            return
        self._add_key(one)
        self.has_code = True
        self._waiting += held_by_class(one)

    def _add_array(self, one: Any) -> None:
        owner = one
        while is_array(owner.base):
            owner = owner.base
        self.keys.add(("memory", owner.__array_interface__["data"][0]) if owner.size else id(owner))
        if owner.base is not None:
            self._waiting.append(owner.base.obj if isinstance(owner.base, memoryview) else owner.base)
        if one.dtype.hasobject:
            self._add_items(one.ravel(order="K")[:_MOST].tolist(), one.size)

    def _add_table(self, one: Any) -> None:
        """Of a frame of pandas its columns and indexes; not the frame that it was taken from, which it knows but does not change."""
        self._add_key(one)
        self._waiting += [*one._mgr.axes, *one._mgr.arrays, one.attrs]

    def _add_object(self, one: object) -> None:
        package = _package(type(one).__module__)
        if package != "__main__" and not _is_told(package):
            self.is_unsure = True
            return
        if package == "torch" and hasattr(one, "untyped_storage"):
            self.keys.add(("memory", one.untyped_storage().data_ptr()))
        if isinstance(one, list | tuple | set | frozenset | dict):
            self._add_container(one)
            return
        self._add_key(one)
        self._waiting += [held for held in gc.get_referents(one) if held is not self._namespace]

    def _add_container(self, one: Any) -> None:
        # What holds others and cannot be changed itself is shared by what it holds.
        if type(one) not in (tuple, frozenset):
            self._add_key(one)
        if len(one) > _MOST // 2:
            self._add_items(list(one.values() if isinstance(one, dict) else one), len(one))
        elif one is not self._namespace:
            self._waiting += gc.get_referents(one)

    def _add_items(self, items: list[Any], size: int) -> None:
        """The items of a large container. Where those at both ends cannot change, neither can the others: a column is of one kind."""
        ends = [*items[: _MOST // 2], *items[-_MOST // 2 :]]
        if all(map(is_inert, ends)):
            return
        if size > _MOST // 2:
            self.is_unsure = True
        else:
            self._waiting += items


# What was found out about classes, which is the same each time.
_inert: dict[type, bool] = {}
_families: dict[type, frozenset[tuple[str, str]]] = {}
_MOST_CLASSES = 4096


def is_inert(value: object) -> bool:
    """Whether a value never changes and holds nothing that does."""
    kind = type(value)
    found = _inert.get(kind)
    if found is None:
        found = issubclass(kind, INERT) or any(package in _INERT_PACKAGES or (package, name) in _INERT_CLASSES for package, name in _family(kind))
        _keep(_inert, kind, found)
    return found


def is_array(value: object) -> bool:
    """Whether it is an array of numpy."""
    return is_of(value, "numpy", "ndarray")


def is_table(value: object) -> bool:
    """Whether it is a frame or a column of pandas."""
    return is_of(value, "pandas", "NDFrame") and hasattr(value, "_mgr")


def is_of(value: object, package: str, name: str) -> bool:
    """Whether a value is of a class of this package, which is not imported for it, or of one that is derived from that."""
    return (package, name) in _family(type(value))


def _family(kind: type) -> frozenset[tuple[str, str]]:
    """The class and those above it, each by its package and its name."""
    found = _families.get(kind)
    if found is None:
        found = frozenset((_package(owner.__module__), owner.__name__) for owner in kind.__mro__)
        _keep(_families, kind, found)
    return found


def _keep(known: dict[type, Any], kind: type, found: object) -> None:
    if len(known) >= _MOST_CLASSES:
        known.clear()
    known[kind] = found
