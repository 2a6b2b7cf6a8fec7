"""The wheel, installed into a fresh environment in an empty directory without a Rust toolchain: program, kernel and magics."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import kernwerk
import pytest
from face import CHECKOUT

# Runs in the fresh environment: the kernel that Jupyter finds there, behind a real client.
IN_THE_KERNEL = """
import json, sys
from jupyter_client.manager import start_new_kernel

def run(client, code):
    outputs = []
    reply = client.execute_interactive(code, timeout=120, output_hook=lambda message: outputs.append(message["content"]))
    return {"status": reply["content"]["status"], "outputs": outputs}

manager, client = start_new_kernel(kernel_name=sys.argv[1])
answers = {code: run(client, code) for code in sys.argv[2:]}
answers["argv"] = manager.kernel_spec.argv
client.stop_channels()
manager.shutdown_kernel()
print(json.dumps(answers))
"""


class Fresh:
    """A new virtual environment with the wheel in it, and a process environment without Rust."""

    def __init__(self, place: Path, wheel: Path):
        self.prefix = place / "venv"
        self.directory = place / "empty"
        self.directory.mkdir()
        venv.create(self.prefix, with_pip=True)
        self.variables = {"HOME": str(place), "PATH": f"{self.prefix}/bin:/usr/bin:/bin", "LANG": "C.UTF-8", "IPYTHONDIR": str(place)}
        self.run("python", "-m", "pip", "install", "--quiet", "--no-index", "--disable-pip-version-check", str(wheel))
        # Jupyter and IPython come from the tests' environment, behind what is installed here.
        (packages,) = self.prefix.glob("lib/python*/site-packages")
        (packages / "jupyter-of-the-tests.pth").write_text(sysconfig.get_path("purelib") + "\n")

    def run(self, program: str, *arguments: str) -> str:
        ran = subprocess.run(
            [self.prefix / "bin" / program, *arguments],
            cwd=self.directory, env=self.variables, capture_output=True, text=True, timeout=300,
        )  # fmt: skip
        assert ran.returncode == 0, ran.stdout + ran.stderr
        return ran.stdout

    def in_kernel(self, name: str, *cells: str) -> dict:
        return json.loads(self.run("python", "-c", IN_THE_KERNEL, name, *cells))


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """The wheel of what is installed here."""
    binaries = tmp_path_factory.mktemp("binaries")
    os.symlink(Path(sys.prefix) / "bin" / "kernwerk", binaries / "kernwerk")
    os.symlink(Path(kernwerk.__file__).parent / "_kernwerk.abi3.so", binaries / "lib_kernwerk.so")
    directory = tmp_path_factory.mktemp("wheel")
    builder = CHECKOUT / "python" / "build" / "wheel_of_workspace.py"
    name = subprocess.run([sys.executable, builder, binaries, directory], capture_output=True, text=True, check=True).stdout
    return directory / name.strip()


@pytest.fixture(scope="module")
def fresh(wheel, tmp_path_factory) -> Fresh:
    return Fresh(tmp_path_factory.mktemp("fresh"), wheel)


def test_the_wheel_holds_what_it_records(wheel):
    assert wheel.name.startswith("kernwerk-0.1.0-cp311-abi3-")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        assert archive.testzip() is None
        record = archive.read("kernwerk-0.1.0.dist-info/RECORD").decode().splitlines()
    assert sorted(line.split(",")[0] for line in record) == sorted(names)
    for file in ("kernwerk/py.typed", "kernwerk/_kernwerk.pyi", "kernwerk/_kernwerk.abi3.so", "kernwerk-0.1.0.data/scripts/kernwerk"):
        assert file in names


def test_the_program_runs(fresh):
    assert fresh.run("kernwerk", "version").startswith("kernwerk ")


def test_there_is_no_rust_to_be_found(fresh):
    assert shutil.which("cargo", path=fresh.variables["PATH"]) is None
    assert "rustup" in fresh.run("kernwerk", "lab", "doctor")


def test_the_kernel_runs_magics_and_says_what_rust_cells_miss(fresh):
    answers = fresh.in_kernel("kernwerk", "%lab init", "%%feature sql\nSELECT 1 AS one", "let x = 1;")
    assert answers["argv"][:3] == [answers["argv"][0], "-m", "kernwerk_launcher"]
    assert answers["%lab init"]["status"] == answers["%%feature sql\nSELECT 1 AS one"]["status"] == "ok"
    rust = answers["let x = 1;"]
    assert rust["status"] == "error"
    assert "rustup" in json.dumps(rust["outputs"]), rust


def test_ipython_has_the_magics(fresh):
    answers = fresh.in_kernel(
        "python3",
        "%load_ext kernwerk",
        "%lab status",
        "%feature sql 'SELECT 1 AS one' -> one",
        "import kernwerk\nprint(kernwerk.__file__, len(one))",
    )
    assert {answer["status"] for cell, answer in answers.items() if cell != "argv"} == {"ok"}, answers
    printed = json.dumps(answers["import kernwerk\nprint(kernwerk.__file__, len(one))"])
    assert f"{fresh.prefix}/lib" in printed and " 1" in printed


def test_cells_have_colours(fresh):
    # JupyterLab tells it on the other channel.
    listing = "import sys; sys.stderr = sys.stdout; from jupyterlab.labextensions import main; main(['list'])"
    listed = fresh.run("python", "-c", listing)
    assert f"{fresh.prefix}/share/jupyter/labextensions\n" in listed and "kernwerk v0.1.0" in listed, listed
    lexer = "from pygments.lexers import get_lexer_by_name as named; import kernwerk_pygments as ours"
    said = fresh.run("python", "-c", f"{lexer}; print(named('kernwerk').name, ours.__file__)")
    assert said.startswith(f"Kernwerk {fresh.prefix}/lib"), said


def test_a_cell_of_python_is_published_and_replayed(fresh):
    cells = ["%load_ext kernwerk", "%lab init", "half = 1 / 2", "%promote publish half --target half", "%promote replay half"]
    answers = fresh.in_kernel("python3", *cells)
    assert "half@1 is published" in json.dumps(answers[cells[3]]), answers
    assert "half@1 replays: all 1 results are identical" in json.dumps(answers[cells[4]]), answers
    # In a shell the Python of the same environment runs the cells.
    assert "identical" in fresh.run("kernwerk", "promote", "replay", "half@1")


def test_the_wheel_can_be_taken_away(fresh):
    listed = json.loads(fresh.run("python", "-m", "pip", "list", "--format", "json", "--disable-pip-version-check", "--path", str(next(fresh.prefix.glob("lib/python*/site-packages")))))
    assert {"name": "kernwerk", "version": "0.1.0"} in listed
    fresh.run("python", "-m", "pip", "uninstall", "--yes", "--quiet", "--disable-pip-version-check", "kernwerk")
    assert not (fresh.prefix / "bin" / "kernwerk").exists()
    assert not (fresh.prefix / "share" / "jupyter" / "kernels" / "kernwerk" / "kernel.json").exists()
    assert not (fresh.prefix / "share" / "jupyter" / "labextensions" / "kernwerk" / "package.json").exists()
