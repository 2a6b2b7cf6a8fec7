"""Builds the wheel: the extension module, the program `kernwerk` and its kernelspec, from one build of the whole workspace.

A build backend of our own, because the usual one builds the extension's crate alone: with other features than the workspace,
so that Lance would be compiled a second time, and without the program.

In a shell: python python/build/wheel_of_workspace.py DIRECTORY_WITH_BINARIES WHEEL_DIRECTORY
"""

import base64
import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import tomllib
import zipfile
from pathlib import Path

PYTHON = Path(__file__).resolve().parents[1]
CHECKOUT = PYTHON.parent
# The oldest Python that the extension module can be loaded by; `abi3-py311` in Cargo.toml.
TAG = "cp311-abi3"
# Compressing harder takes minutes and gains a tenth.
COMPRESSION = 1


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    """Compiles the workspace and packs the wheel (PEP 517). `--config-settings profile=dev` builds without optimisation."""
    profile = (config_settings or {}).get("profile", "release")
    target = Path(os.environ.get("CARGO_TARGET_DIR", CHECKOUT / "target"))
    subprocess.run(["cargo", "build", "--workspace", "--locked", "--profile", profile], cwd=CHECKOUT, check=True)
    return pack(target / ("debug" if profile == "dev" else profile), Path(wheel_directory))


def pack(binaries: Path, wheel_directory: Path) -> str:
    """Packs what `binaries` holds; returns the wheel's name."""
    project = tomllib.loads((PYTHON / "pyproject.toml").read_text())["project"]
    version = tomllib.loads((CHECKOUT / "Cargo.toml").read_text())["workspace"]["package"]["version"]
    stem = f"{project['name']}-{version}"
    tag = f"{TAG}-{sysconfig.get_platform().replace('-', '_').replace('.', '_')}"
    wheel = f"{stem}-{tag}.whl"
    with tempfile.TemporaryDirectory() as scratch, Wheel(wheel_directory / wheel, stem) as archive:
        for path in sorted((PYTHON / "kernwerk").iterdir()):
            if path.suffix in (".py", ".pyi") or path.name == "py.typed":
                archive.add(f"kernwerk/{path.name}", path.read_bytes())
        archive.add("kernwerk_launcher.py", (PYTHON / "kernwerk_launcher.py").read_bytes())
        archive.add("kernwerk/_kernwerk.abi3.so", stripped(binaries / "lib_kernwerk.so", scratch), mode=0o755)
        archive.add(f"{stem}.data/scripts/kernwerk", stripped(binaries / "kernwerk", scratch), mode=0o755)
        kernelspec = f"{stem}.data/data/share/jupyter/kernels/kernwerk"
        archive.add(f"{kernelspec}/kernel.json", kernel_json(binaries / "kernwerk", scratch))
        archive.add(f"{kernelspec}/logo-svg.svg", (CHECKOUT / "kernel/server/src/logo.svg").read_bytes())
        archive.add(f"{stem}.dist-info/licenses/LICENSE", (CHECKOUT / "LICENSE").read_bytes())
        archive.add(f"{stem}.dist-info/METADATA", metadata(project, version).encode())
        archive.add(f"{stem}.dist-info/WHEEL", wheel_words(tag).encode())
    return wheel


class Wheel:
    """A wheel that is being written: its files, and the record of their digests."""

    def __init__(self, path: Path, stem: str):
        self.path = path
        self.record = f"{stem}.dist-info/RECORD"
        self.lines = []

    def __enter__(self):
        self.partial = self.path.with_suffix(".partial")
        self.archive = zipfile.ZipFile(self.partial, "w", zipfile.ZIP_DEFLATED, compresslevel=COMPRESSION)
        return self

    def add(self, name: str, content: bytes, mode: int = 0o644):
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        self.lines.append(f"{name},sha256={digest},{len(content)}")
        self._write(name, content, mode)

    def __exit__(self, kind, error, traceback):
        if kind is None:
            self._write(self.record, "\n".join([*self.lines, f"{self.record},,", ""]).encode(), 0o644)
        self.archive.close()
        if kind is None:
            self.partial.replace(self.path)
        else:
            self.partial.unlink()

    def _write(self, name: str, content: bytes, mode: int):
        # The same content gives the same wheel, whenever it is packed.
        entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
        entry.external_attr = (0o100000 | mode) << 16
        entry.compress_type = zipfile.ZIP_DEFLATED
        self.archive.writestr(entry, content)


def stripped(path: Path, scratch: str) -> bytes:
    """A binary without its symbols, a third of its size; as it is where there is no `strip`."""
    if shutil.which("strip") is None:
        return path.read_bytes()
    copy = Path(scratch) / path.name
    command = ["strip", "-x" if platform.system() == "Darwin" else "--strip-all", "-o", str(copy), str(path)]
    subprocess.run(command, check=True)
    content = copy.read_bytes()
    copy.unlink()
    return content


def kernel_json(program: Path, scratch: str) -> bytes:
    """The kernelspec that the program writes, started through the Python of the environment that the wheel is installed in."""
    subprocess.run([program, "kernel", "install", "--prefix", scratch], check=True, stderr=subprocess.DEVNULL)
    spec = json.loads((Path(scratch) / "share/jupyter/kernels/kernwerk/kernel.json").read_text())
    # Jupyter puts its own interpreter for `python`.
    spec["argv"] = ["python", "-m", "kernwerk_launcher", *spec["argv"][1:]]
    return (json.dumps(spec, indent=2) + "\n").encode()


def metadata(project: dict, version: str) -> str:
    lines = [
        "Metadata-Version: 2.4",
        f"Name: {project['name']}",
        f"Version: {version}",
        f"Summary: {project['description']}",
        f"License-Expression: {project['license']}",
        "License-File: LICENSE",
        f"Requires-Python: {project['requires-python']}",
    ]
    for extra, requirements in project["optional-dependencies"].items():
        lines.append(f"Provides-Extra: {extra}")
        lines.extend(f'Requires-Dist: {requirement}; extra == "{extra}"' for requirement in requirements)
    return "\n".join([*lines, ""])


def wheel_words(tag: str) -> str:
    return f"Wheel-Version: 1.0\nGenerator: kernwerk\nRoot-Is-Purelib: false\nTag: {tag}\n"


if __name__ == "__main__":
    print(pack(Path(sys.argv[1]), Path(sys.argv[2])))
