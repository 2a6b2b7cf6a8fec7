"""The Python quickstart, executed without a browser: its results against an independent computation, what it publishes, and the replay in a shell."""

import nbformat
import pytest
from face import CHECKOUT, Path
from house import Shell

import quickstart
from test_quickstart import SLICE, expected_by_zone, holds_rows, shown


@pytest.fixture(scope="module")
def executed(tmp_path_factory):
    """The cells after a run in a fresh checkout, by their ids, and the checkout's directory."""
    root = tmp_path_factory.mktemp("quickstart-python")
    notebook = quickstart.execute(quickstart.copy_to(root, Path("notebooks") / "quickstart-python.ipynb"))
    return {cell.id: cell for cell in notebook.cells}, root


def test_every_magic_shows_itself_as_text_and_as_html(executed):
    cells, _ = executed
    magics = [cell for cell in cells.values() if cell.cell_type == "code" and cell.source.startswith("%") and "load_ext" not in cell.source]
    assert len(magics) >= 9
    for cell in magics:
        bundles = [output.data for output in cell.outputs if output.output_type == "display_data"]
        assert bundles and all({"text/plain", "text/html"} <= set(bundle) for bundle in bundles), cell.id


def test_the_magics_are_those_of_the_other_quickstart(executed):
    cells, _ = executed
    other = {cell.id: cell.source for cell in nbformat.read(CHECKOUT / quickstart.NOTEBOOK, as_version=4).cells}
    for name in ("source-rides", "source-requests", "define-zone-hour", "training", "ingest", "cost-report"):
        assert cells[name].source == other[name]


def test_the_result_is_what_brute_force_gives(executed):
    cells, directory = executed
    expected = expected_by_zone(directory)
    assert len(expected) == 8 and sum(row["requests"] for row in expected) == 600
    holds_rows(shown(cells["by-zone"]), expected)


def test_the_chart_is_a_picture(executed):
    cells, _ = executed
    pictures = [output.data for output in cells["chart"].outputs if "image/svg+xml" in output.get("data", {})]
    assert len(pictures) == 1 and "Harbour" in pictures[0]["image/svg+xml"]


def test_a_frame_of_polars_is_joined(executed):
    cells, _ = executed
    assert "day: 5 rows, 2 features" in shown(cells["training-of-a-frame"])


def test_what_is_published_replays_in_the_notebook_and_in_a_shell(executed):
    cells, directory = executed
    assert "replay.md" in shown(cells["search"])
    assert "identical" in shown(cells["replay"])
    stored = sorted((directory / "pipelines" / "quickstart-python" / "1" / "cells").iterdir())
    assert [path.read_text() for path in stored] == [cells[name].source + "\n" for name in SLICE]
    assert "identical" in Shell(directory)("promote", "replay", "quickstart-python@1", seconds=300).ok()
