"""The IPython in which the magics of a published script run: `from kernwerk.script import get_ipython`. A script with parameters says them
first: `parameters(…)`."""

from __future__ import annotations

import argparse
import datetime
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import __main__

import IPython.core.getipython
from IPython.core.interactiveshell import InteractiveShell

from kernwerk import ipython

__all__ = ["get_ipython", "parameters"]

# What the types of parameters are read by, and how their values are written.
_READ: dict[str, tuple[Callable[[str], Any], str]] = {
    "integer": (int, "a whole number such as 100"),
    "float": (float, "a number such as 0.5"),
    "boolean": ({"true": True, "false": False}.__getitem__, "true or false"),
    "date": (datetime.date.fromisoformat, "a day such as 2026-01-31"),
    "text": (str, "any text"),
}

_given: dict[str, str] = {}


def parameters(title: str, declared: Mapping[str, tuple[str, str]], arguments: Sequence[str] | None = None) -> None:
    """Takes the values of parameters from the command line, as NAME=VALUE. `declared` has the type and the value of each that is not
    given. Before the first cell."""
    described = [f"  {name}={value}  ({kind})" for name, (kind, value) in declared.items()]
    parser = argparse.ArgumentParser(
        description=f"{title}\n\nparameters:\n" + "\n".join(described), formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parameters", nargs="*", metavar="NAME=VALUE", help="the value of a parameter, in place of the one above")
    for word in parser.parse_args(arguments).parameters:
        name, is_given, value = word.partition("=")
        if not is_given or name not in declared:
            parser.error(f"{word!r} gives no parameter a value; the parameters are {', '.join(declared)}")
        read, form = _READ[declared[name][0]]
        try:
            read(value)
        except (ValueError, KeyError):
            parser.error(f"{name} is of type {declared[name][0]}, and {value!r} is none: write {form}")
        _given[name] = value


def get_ipython() -> InteractiveShell:
    """The IPython around the script, made where there is none. Its variables are the script's: `-> name` binds there."""
    shell = IPython.core.getipython.get_ipython()
    if shell is None:
        shell = InteractiveShell.instance(user_module=__main__, user_ns=vars(__main__))
        ipython.load_ipython_extension(shell, _given)
    return shell
