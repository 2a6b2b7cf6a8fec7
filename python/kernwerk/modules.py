"""Modules that lie beside a notebook: files that its cells read without opening them."""

from __future__ import annotations

import os
import sys
from pathlib import Path


# Where packages were found to lie: for each, whether beside the notebook.
_beside: dict[str, bool] = {}


def is_beside(package: str) -> bool:
    """Whether a package is of files that lie below the working directory, and not installed there: a part of the notebook."""
    module = sys.modules.get(package)
    if module is not None and package not in _beside:
        file = getattr(module, "__dict__", {}).get("__file__")
        path = Path(file if isinstance(file, str) else os.devnull)
        _beside[package] = path.is_relative_to(Path.cwd()) and "site-packages" not in path.parts
    return _beside.get(package, False)


def among(directory: Path, code: str) -> list[Path]:
    """The files below `directory` of the modules that are loaded, where `code` imports anything: one of them may stand behind
    another. What is installed there, in an environment of its own, is a package and no file of the notebook.
    """
    if "import" not in code:
        return []
    files = set()
    for module in list(sys.modules.values()):
        # A module may answer to every name; its dictionary does not.
        file = getattr(module, "__dict__", {}).get("__file__")
        if not isinstance(file, str) or not file.endswith(".py"):
            continue
        path = Path(file)
        if path.is_relative_to(directory) and "site-packages" not in path.parts and path.is_file():
            files.add(path)
    return sorted(files)
