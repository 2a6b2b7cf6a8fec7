"""Builds the wheel: the extension module, the program `kernwerk` and its kernelspec, from one build of the whole workspace.

A build backend of our own, because the usual one builds the extension's crate alone: with other features than the workspace,
so that Lance would be compiled a second time, and without the program.

In a shell: python python/build/wheel_of_workspace.py DIRECTORY_WITH_BINARIES WHEEL_DIRECTORY packs it, and
python python/build/wheel_of_workspace.py install puts what needs no build into the environment of that Python.
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
    stem = stem_of_name()
    tag = f"{TAG}-{sysconfig.get_platform().replace('-', '_').replace('.', '_')}"
    wheel = f"{stem}-{tag}.whl"
    with tempfile.TemporaryDirectory() as scratch, Wheel(wheel_directory / wheel, stem) as archive:
        for name, content in plain_files(stem):
            archive.add(name, content)
        archive.add("kernwerk/_kernwerk.abi3.so", stripped(binaries / "lib_kernwerk.so", scratch), mode=0o755)
        archive.add(f"{stem}.data/scripts/kernwerk", stripped(binaries / "kernwerk", scratch), mode=0o755)
        kernelspec = f"{stem}.data/data/share/jupyter/kernels/kernwerk"
        archive.add(f"{kernelspec}/kernel.json", kernel_json(binaries / "kernwerk", scratch))
        archive.add(f"{kernelspec}/logo-svg.svg", (CHECKOUT / "kernel/server/src/logo.svg").read_bytes())
        archive.add(f"{stem}.dist-info/WHEEL", wheel_words(tag).encode())
    return wheel


def install():
    """Puts the files that need no build where pip would, for the Python that runs this; takes away what is no more of them."""
    stem = stem_of_name()
    packages, data = Path(sysconfig.get_path("platlib")), Path(sysconfig.get_path("data"))
    files = {}
    for name, content in plain_files(stem):
        in_data = name.removeprefix(f"{stem}.data/data/")
        files[packages / name if in_data == name else data / in_data] = content
    # Not pip's RECORD: with that, pip would take away what it names and leave the program.
    record = packages / f"{stem}.dist-info" / "INSTALLED"
    before = [Path(line) for line in record.read_text().splitlines()] if record.exists() else []
    files[record] = "".join(f"{path}\n" for path in files).encode()
    for path in set(before) - set(files):
        path.unlink(missing_ok=True)
        if path.parent.is_dir() and not any(path.parent.iterdir()):
            path.parent.rmdir()
    for path, content in files.items():
        if not path.exists() or path.read_bytes() != content:
            path.parent.mkdir(parents=True, exist_ok=True)
            partial = path.with_name(f"{path.name}.new")
            partial.write_bytes(content)
            partial.replace(path)


def stem_of_name() -> str:
    return f"{project()['name']}-{version()}"


def project() -> dict:
    return tomllib.loads((PYTHON / "pyproject.toml").read_text())["project"]


def version() -> str:
    return tomllib.loads((CHECKOUT / "Cargo.toml").read_text())["workspace"]["package"]["version"]


def plain_files(stem: str):
    """The wheel's files that need no build, as their names in it and their contents."""
    for path in sorted((PYTHON / "kernwerk").iterdir()):
        if path.suffix in (".py", ".pyi", ".json") or path.name == "py.typed":
            yield f"kernwerk/{path.name}", path.read_bytes()
    for path in sorted(PYTHON.glob("kernwerk_*.py")):
        yield path.name, path.read_bytes()
    for name, content in labextension():
        yield f"{stem}.data/data/share/jupyter/labextensions/kernwerk/{name}", content
    yield f"{stem}.dist-info/licenses/LICENSE", (CHECKOUT / "LICENSE").read_bytes()
    yield f"{stem}.dist-info/METADATA", metadata().encode()
    yield f"{stem}.dist-info/entry_points.txt", entry_points().encode()


def labextension():
    """The extension of JupyterLab, as it lies in `labextension`."""
    source = PYTHON / "labextension"
    scripts = {path.name: path.read_bytes() for path in sorted((source / "static").glob("*.js"))}
    scripts["verbs.json"] = (PYTHON / "kernwerk" / "verbs.json").read_bytes()
    # Browsers keep what lies in `static` for ever: other contents need another name.
    state = hashlib.sha256(b"".join(name.encode() + content for name, content in scripts.items())).hexdigest()[:16]
    package = json.loads((source / "package.json").read_text()) | {"version": version()}
    package["jupyterlab"]["_build"] = {"load": f"static/{state}/container.js", "extension": "./extension"}
    yield "package.json", (json.dumps(package, indent=2) + "\n").encode()
    yield "install.json", (source / "install.json").read_bytes()
    for name, content in scripts.items():
        yield f"static/{state}/{name}", content


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


def metadata() -> str:
    about = project()
    lines = [
        "Metadata-Version: 2.4",
        f"Name: {about['name']}",
        f"Version: {version()}",
        f"Summary: {about['description']}",
        f"License-Expression: {about['license']}",
        "License-File: LICENSE",
        f"Requires-Python: {about['requires-python']}",
    ]
    for extra, requirements in about["optional-dependencies"].items():
        lines.append(f"Provides-Extra: {extra}")
        lines.extend(f'Requires-Dist: {requirement}; extra == "{extra}"' for requirement in requirements)
    return "\n".join([*lines, ""])


def entry_points() -> str:
    """What other programs find in the package by name."""
    sections = []
    for group, places in project()["entry-points"].items():
        sections.append("".join([f"[{group}]\n", *(f"{name} = {place}\n" for name, place in places.items())]))
    return "\n".join(sections)


def wheel_words(tag: str) -> str:
    return f"Wheel-Version: 1.0\nGenerator: kernwerk\nRoot-Is-Purelib: false\nTag: {tag}\n"


if __name__ == "__main__":
    if sys.argv[1:] == ["install"]:
        install()
    else:
        print(pack(Path(sys.argv[1]), Path(sys.argv[2])))
