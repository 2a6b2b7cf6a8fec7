"""Kernwerk in Python: the magics in IPython (`%load_ext kernwerk`) and in programs (`kernwerk.Lab`)."""

from kernwerk._kernwerk import Frame, Result
from kernwerk.errors import Error, Interrupted
from kernwerk.ipython import load_ipython_extension, unload_ipython_extension
from kernwerk.lab import Lab
from kernwerk.missing import Missing

__all__ = [
    "Error",
    "Frame",
    "Interrupted",
    "Lab",
    "Missing",
    "Result",
    "load_ipython_extension",
    "unload_ipython_extension",
]
