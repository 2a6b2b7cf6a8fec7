"""The program `kernwerk`, which runs cells in processes of their own."""

import shutil
import sysconfig
from pathlib import Path


def path() -> Path:
    """The program that was installed beside this Python; else the one on the PATH."""
    beside = Path(sysconfig.get_path("scripts")) / "kernwerk"
    if beside.is_file():
        return beside
    return Path(shutil.which("kernwerk") or beside)
