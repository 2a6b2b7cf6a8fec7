"""The notebook's own functions: which of them code may call, what they name, and what they change."""

from __future__ import annotations

import collections
import datetime
import functools
import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from kernwerk import effects, library
from kernwerk.chains import Chains, of_code, origin
from kernwerk.sharing import INERT

# Values that no call changes.
IMMUTABLE: tuple[type, ...] = (types.ModuleType, type, types.FunctionType, types.BuiltinFunctionType, tuple, frozenset, *INERT)
# Values that lead to no function.
_PLAIN: tuple[type, ...] = (str, bytes, int, float, complex, range, datetime.date, types.ModuleType, types.BuiltinFunctionType, type(None))
# Methods of a class that run when it is called.
_MAKING = {"__init__", "__new__", "__post_init__", "__call__"}
# Those of the notebook's own classes do something of their own when they are looked through.
_CONTAINERS: tuple[type, ...] = (list, tuple, set, frozenset)
# Larger containers are not looked through for functions.
_LOOKED_THROUGH = 1000


@dataclass
class Reached:
    """What functions of the notebook do that code may call."""

    #: What they name, as their code tells.
    chains: Chains = field(default_factory=Chains)
    #: Names of the notebook that they may change: variables, and functions and classes that keep a state.
    written: set[str] = field(default_factory=set)


def by(names: set[str], attributes: set[str], namespace: Mapping[str, Any]) -> Reached:
    """What the functions do that are reached by these names of the notebook and these names of methods, and those that they call."""
    methods = frozenset(attributes)
    names = {name for name in names if may_call(namespace.get(name)) or is_bound(namespace.get(name))}
    if not names:
        return Reached()
    while True:
        found = _by(names, methods, namespace)
        # What a function is given it may call by methods that it alone names.
        if found.chains.attributes <= methods:
            return found
        methods |= found.chains.attributes


def _by(names: set[str], methods: frozenset[str], namespace: Mapping[str, Any]) -> Reached:
    found = Reached()
    seen: set[int] = set()
    looked_up: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in namespace or name in looked_up:
            continue
        looked_up.add(name)
        value = namespace[name]
        if is_bound(value):
            found.written.add(name)
        if not may_call(value):
            continue
        # What is called with values that it keeps, or on the value itself, may change these.
        holds = isinstance(value, functools.partial) or is_class(type(value))
        for function in _functions(value, methods, namespace):
            if keeps_state(function) or (holds and changes_anything(function)):
                found.written.add(name)
            if id(function) not in seen:
                seen.add(id(function))
                chains = of_code(function.__code__)
                found.chains.add(chains)
                found.written |= _written_by(function, namespace)
                waiting += chains.loads
        if is_class(value) and _changes_class(value, methods):
            found.written.add(name)
        kind = type(value)
        if is_class(kind) and namespace.get(kind.__name__) is kind and _changes_class(kind, methods):
            found.written.add(kind.__name__)
    return found


def may_call(value: object) -> bool:
    """Whether a value can be, or hold, a function of the notebook: whether it is worth looking for one."""
    return not isinstance(value, _PLAIN) and not library.is_frame(value)


def _functions(value: object, methods: frozenset[str], namespace: Mapping[str, Any]) -> Iterator[types.FunctionType]:
    """The functions of the notebook that a value is or holds: of classes and their instances those with the names of `methods`."""
    waiting, seen = [value], set()
    while waiting:
        one = waiting.pop()
        if isinstance(one, _PLAIN) or id(one) in seen:
            continue
        seen.add(id(one))
        match one:
            case types.FunctionType():
                if one.__globals__ is namespace:
                    yield one
                waiting += [getattr(one, "__wrapped__", None), *map(_content, one.__closure__ or ())]
            case types.MethodType():
                waiting += [one.__func__, one.__self__]
            case functools.partial():
                waiting += [one.func, *one.args, *one.keywords.values()]
            case staticmethod() | classmethod():
                waiting.append(one.__func__)
            case property():
                waiting += [one.fget, one.fset, one.fdel]
            case functools.cached_property():
                waiting.append(one.func)
            case type():
                waiting += _methods(one, methods | _MAKING)
            case list() | tuple() | set() | frozenset() if type(one) in _CONTAINERS and len(one) <= _LOOKED_THROUGH:
                waiting += [part for part in one if _is_callable(part)]
            case dict() if type(one) is dict and len(one) <= _LOOKED_THROUGH and one is not namespace:
                waiting += [part for part in one.values() if _is_callable(part)]
            case _ if is_class(type(one)):
                waiting += _methods(type(one), methods)
            case _:
                # What wraps a function, such as a cache.
                waiting.append(_own(one).get("__wrapped__"))


def _methods(kind: type, names: frozenset[str]) -> list[object]:
    """What a class of the notebook and those above it have under these names, and what operators and loops call without a name."""
    owners = [vars(owner) for owner in kind.__mro__ if is_class(owner)]
    return [held for owner in owners for name, held in owner.items() if name in names or _is_special(name)]


def _own(value: object) -> Mapping[str, Any]:
    """The attributes of an object itself. One that answers to any name is not asked."""
    try:
        return vars(value)
    except TypeError:
        return {}


def _is_callable(value: object) -> bool:
    return hasattr(type(value), "__call__")


def _is_special(name: str) -> bool:
    return ((name.startswith("__") and name.endswith("__")) or name.startswith("_repr_")) and name not in ("__init__", "__new__", "__doc__")


def is_class(value: object) -> bool:
    """Whether it is a class of the notebook."""
    # By its type: what stands for another value, and perhaps for one that is gone, is not asked what it is.
    return issubclass(type(value), type) and getattr(value, "__module__", None) == "__main__"


def _content(cell: types.CellType) -> object:
    try:
        return cell.cell_contents
    except ValueError:
        return None


def changes_by_reading(value: object) -> bool:
    """Whether a value changes where it is only read: an iterator, or a container that makes what is asked for."""
    return hasattr(type(value), "__next__") or isinstance(value, collections.defaultdict)


def methods_among(value: object, attributes: set[str]) -> set[str]:
    """Those of the attributes that are methods of what the value is."""
    return {name for name in attributes if callable(getattr(type(value), name, None))}


def holds_changing(value: object, attributes: set[str]) -> bool:
    """Whether a chain of these attributes on a function, a class or a module may change what that holds: `Shelf.items.append`."""
    if not isinstance(value, types.ModuleType | type | types.FunctionType):
        return False
    kept = (*IMMUTABLE, property, classmethod, staticmethod)
    own = vars(value)
    held = {name for name in attributes if name in own and not callable(own[name]) and not isinstance(own[name], kept)}
    return bool(held) and library.may_change(attributes - held)


def is_bound(value: object) -> bool:
    """Whether a value is a method with the object that it is of, which it may change: `append = rows.append`."""
    if isinstance(value, functools.partial):
        return is_bound(value.func)
    owner = getattr(value, "__self__", None) if isinstance(value, types.BuiltinMethodType | types.MethodType) else None
    # The object behind `random.gauss` is told of by another name.
    return owner is not None and not isinstance(owner, IMMUTABLE) and not effects.drawn_by(origin(value) or "")


def changing_methods(namespace: Mapping[str, Any]) -> set[str]:
    """The names of methods of the notebook's classes that change anything."""
    owners = [vars(value) for value in namespace.values() if is_class(value)]
    return {name for owner in owners for name, held in owner.items() if _changes(held)}


def _changes(held: object) -> bool:
    """Whether what a class holds is a method that changes anything."""
    function = held.__func__ if isinstance(held, staticmethod | classmethod) else held
    return isinstance(function, types.FunctionType) and changes_anything(function)


def keeps_state(function: object) -> bool:
    """Whether calling a function may change what it keeps for itself: variables around it, defaults of its arguments, its attributes."""
    if not isinstance(function, types.FunctionType):
        return False
    if of_code(function.__code__).assigns & set(function.__code__.co_freevars):
        return True
    kept = [*map(_content, function.__closure__ or ()), *(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()]
    return bool(vars(function).keys() - {"__wrapped__"}) or (any(not isinstance(value, IMMUTABLE) for value in kept) and changes_anything(function))


def changes_anything(function: types.FunctionType) -> bool:
    """Whether its code has anything that changes a value: it sets an attribute or an item, or calls a method."""
    return of_code(function.__code__).changes


def _written_by(function: types.FunctionType, namespace: Mapping[str, Any]) -> set[str]:
    """The names of the notebook that a function may change when it is called: those that it assigns, and, where its code changes anything
    at all by attributes, items or methods, those that it reads."""
    chains = of_code(function.__code__)
    written = chains.assigns - set(function.__code__.co_freevars)
    written |= {chain[0] for chain in chains.stored if chain[0] in chains.loads and chain[0] in namespace}
    if changes_anything(function):
        written |= {name for name in chains.loads if name in namespace and not _stays(namespace[name])}
    return written | {name for name in chains.loads if name in namespace and changes_by_reading(namespace[name])}


def _stays(value: object) -> bool:
    """Whether no function changes the value. A class of the notebook's can hold what changes."""
    return not is_class(value) if isinstance(value, type) else isinstance(value, IMMUTABLE)


def _changes_class(value: type, methods: frozenset[str]) -> bool:
    """Whether methods with these names, or the making of an instance, may change the class itself: a method of the class that changes anything,
    or any that changes something where the class holds what can change."""
    attributes = [(name, held) for owner in value.__mro__ if is_class(owner) for name, held in vars(owner).items()]
    own = [held for name, held in attributes if not name.startswith("__")]
    called = [held for name, held in attributes if name in methods | _MAKING or _is_special(name)]
    # What stands behind an attribute and is of a class of the notebook itself, such as a descriptor.
    behind = [held for _, held in attributes if is_class(type(held))]
    if any(_changes(method) for held in behind for method in _methods(type(held), methods)):
        return True
    of_class = [held.__func__ for held in called if isinstance(held, classmethod) and isinstance(held.__func__, types.FunctionType)]
    others = [held for held in called if isinstance(held, types.FunctionType)]
    holds = any(not isinstance(held, (*IMMUTABLE, classmethod, staticmethod, property, types.GetSetDescriptorType, types.MemberDescriptorType)) for held in own)
    by_itself = [one for one in others if of_code(one.__code__).attributes & {"__class__"} or "type" in of_code(one.__code__).loads]
    return any(map(changes_anything, [*of_class, *by_itself, *(others if holds else [])]))
