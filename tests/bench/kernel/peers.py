"""The kernels that are compared: ours and ipykernel from the environment that runs this, evcxr_jupyter from a place of its own."""

import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

from jupyter_client.kernelspec import KernelSpecManager

VERSION = "0.22.0"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
# Outside of every checkout, so that all share it.
PEERS = CACHE / "kernwerk" / "peers"


def command(name):
    """The command that starts a kernel, with `{connection_file}` in it, and what its environment has beside ours."""
    if name == "evcxr":
        return _evcxr()
    spec = KernelSpecManager().get_kernel_spec(name)
    return spec.argv, spec.env


def _evcxr():
    _install_evcxr()
    spec = json.loads((PEERS / "share" / "jupyter" / "kernels" / "rust" / "kernel.json").read_text())
    # What it keeps with `:cache` goes to a place of its own, too.
    return spec["argv"], {"XDG_CACHE_HOME": str(PEERS / "cache")}


@cache
def _install_evcxr():
    """Compiles evcxr_jupyter, once (a quarter of an hour), and has it write its kernelspec below [`PEERS`]."""
    root = PEERS / "evcxr_jupyter"
    program = root / "bin" / "evcxr_jupyter"
    if not program.exists():
        print(f"kernwerk: compiling evcxr_jupyter {VERSION}, with which the kernel is compared (once; minutes)", file=sys.stderr)
        install = ["cargo", "install", "--locked", "--root", root, "--version", VERSION, "evcxr_jupyter"]
        target = {"CARGO_TARGET_DIR": str(PEERS / "target")}
        subprocess.run(install, check=True, stdout=sys.stderr, env={**os.environ, **target})
    if not (PEERS / "share" / "jupyter" / "kernels" / "rust" / "kernel.json").exists():
        place = {"JUPYTER_PATH": str(PEERS / "share" / "jupyter")}
        subprocess.run([program, "--install"], check=True, stdout=subprocess.DEVNULL, env={**os.environ, **place})
