"""Another user on another machine."""

import os
import shutil
import subprocess
from pathlib import Path

from house import PROGRAM, Ran

# Where there is the tool for it, on one core.
ONE_CORE = ["taskset", "-c", "0"] if shutil.which("taskset") else []


def elsewhere(directory: Path, **variables) -> dict:
    """The environment of another user of another machine, with a home in the directory; the toolchain and the caches are this one's."""
    home = directory / "someone"
    home.mkdir(exist_ok=True)
    here = os.environ
    own = os.path.expanduser("~")
    places = {
        "CARGO_HOME": here.get("CARGO_HOME", f"{own}/.cargo"),
        "RUSTUP_HOME": here.get("RUSTUP_HOME", f"{own}/.rustup"),
        "XDG_CACHE_HOME": here.get("XDG_CACHE_HOME", f"{own}/.cache"),
    }
    settings = {"HOME": str(home), "USER": "someone", "LOGNAME": "someone", "TZ": "Asia/Tokyo", "LANG": "de_DE.UTF-8", "LC_ALL": "tr_TR.UTF-8"}
    threads = {"RAYON_NUM_THREADS": "7", "POLARS_MAX_THREADS": "7", "OMP_NUM_THREADS": "7"}
    return {"PATH": here["PATH"], **places, **settings, **threads, **variables}


def replay(directory: Path, name: str, *words: str, environment=None, first=()) -> Ran:
    """Replays an artifact in an environment, with the words of a command before that limits it."""
    command = [*first, str(PROGRAM), "promote", "replay", name, *words]
    ran = subprocess.run(command, cwd=directory, env=environment, capture_output=True, text=True, timeout=300)
    return Ran(ran.returncode, ran.stdout, ran.stderr)
