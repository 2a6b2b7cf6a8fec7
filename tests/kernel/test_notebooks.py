"""Notebooks in the installed kernel, run without a person: by nbconvert and by Papermill."""

import subprocess
import sys

import nbformat


def notebook(*cells):
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    book.metadata["kernelspec"] = {"name": "kernwerk", "display_name": "Kernwerk (Rust)", "language": "rust"}
    return book


def jupyter(directory, *arguments):
    return subprocess.run(
        [sys.executable, "-m", *arguments], cwd=directory, capture_output=True, text=True, timeout=300
    )


def outputs(path):
    book = nbformat.read(path, as_version=4)
    nbformat.validate(book)
    return [cell.outputs for cell in book.cells]


def test_nbconvert_executes_a_notebook(tmp_path):
    nbformat.write(notebook("let x = 41;", "%lab status\nx + 1", 'println!("done");'), tmp_path / "book.ipynb")
    ran = jupyter(tmp_path, "nbconvert", "--to", "notebook", "--execute", "--inplace", "book.ipynb")
    assert ran.returncode == 0, ran.stderr
    first, second, third = outputs(tmp_path / "book.ipynb")
    assert first == []
    assert [output.output_type for output in second] == ["display_data", "execute_result"]
    assert second[1].data["text/plain"] == "42"
    assert third[0].text == "done\n"
    # What nbconvert learnt of the language serves its exporters.
    ran = jupyter(tmp_path, "nbconvert", "--to", "script", "book.ipynb")
    assert ran.returncode == 0, ran.stderr
    assert "let x = 41;" in (tmp_path / "book.rs").read_text()
    ran = jupyter(tmp_path, "nbconvert", "--to", "html", "book.ipynb")
    assert ran.returncode == 0, ran.stderr


def test_nbconvert_stops_at_an_error(tmp_path):
    nbformat.write(notebook('panic!("stop here")', 'println!("never");'), tmp_path / "book.ipynb")
    ran = jupyter(tmp_path, "nbconvert", "--to", "notebook", "--execute", "--inplace", "book.ipynb")
    assert ran.returncode != 0
    assert "stop here" in ran.stderr


def test_papermill_loses_no_output(tmp_path):
    cells = ["let x = 1;"] + [f'println!("cell {number}"); eprintln!("word {number}");\nx + {number}' for number in range(40)]
    nbformat.write(notebook(*cells), tmp_path / "in.ipynb")
    ran = jupyter(tmp_path, "papermill", "in.ipynb", "out.ipynb", "--no-progress-bar")
    assert ran.returncode == 0, ran.stderr
    for number, shown in enumerate(outputs(tmp_path / "out.ipynb")[1:]):
        texts = {output.name: output.text for output in shown if output.output_type == "stream"}
        assert texts == {"stdout": f"cell {number}\n", "stderr": f"word {number}\n"}
        results = [output.data["text/plain"] for output in shown if output.output_type == "execute_result"]
        assert results == [str(1 + number)]
