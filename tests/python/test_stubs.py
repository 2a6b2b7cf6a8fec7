"""The package's types: the stubs say what the extension module has, and the Python files are typed throughout."""

import subprocess
import sys
from pathlib import Path

import kernwerk

INSTALLED = Path(kernwerk.__file__).parent


def run(*command, cwd):
    ran = subprocess.run([sys.executable, "-m", *command], cwd=cwd, capture_output=True, text=True, timeout=300)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_the_stubs_are_what_is_there(tmp_path):
    run("mypy.stubtest", "kernwerk", cwd=tmp_path)


def test_the_package_is_typed(tmp_path):
    run("mypy", "--strict", "-p", "kernwerk", cwd=tmp_path)
    assert (INSTALLED / "py.typed").is_file()


def test_a_user_gets_types(tmp_path):
    (tmp_path / "program.py").write_text(
        "import kernwerk\n"
        "answer = kernwerk.Lab('.').run('%feature list')\n"
        "rows: int = len(answer.table) if answer.table is not None else 0\n"
    )
    run("mypy", "--strict", "program.py", cwd=tmp_path)
    (tmp_path / "wrong.py").write_text("import kernwerk\nkernwerk.Lab('.').run('%feature list').tabel\n")
    ran = subprocess.run([sys.executable, "-m", "mypy", "wrong.py"], cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert ran.returncode == 1 and "tabel" in ran.stdout, ran.stdout + ran.stderr
