"""The notebook about versions of a pipeline, executed with the installed kernel: what each cell is there to show."""

from pathlib import Path

import pytest

import quickstart
from house import Shell


@pytest.fixture(scope="module")
def executed(tmp_path_factory):
    """The cells after a run in a fresh checkout, by their ids, and the directory."""
    root = tmp_path_factory.mktemp("versions")
    notebook = quickstart.execute(quickstart.copy_to(root, Path("notebooks") / "promote.ipynb"))
    return {cell.id: cell for cell in notebook.cells}, root


def shown(cell) -> str:
    return "\n".join(output.get("text") or output.get("data", {}).get("text/plain", "") for output in cell.outputs)


def test_the_plan_draws_what_is_needed(executed):
    cells, _ = executed
    assert "fares: 5 of 6 cells for `report`" in shown(cells["plan"])
    (html,) = [output.data["text/html"] for output in cells["plan"].outputs if "text/html" in output.get("data", {})]
    assert html.count("<rect") == 5 and "In[5]" not in html.split("</svg>")[0]


def test_two_versions_differ_in_one_cell_and_three_rows(executed):
    cells, root = executed
    assert "fares@1 is published: 5 cells" in shown(cells["publish"])
    assert "fares@2 is published: 5 cells" in shown(cells["publish-again"])
    words = shown(cells["diff"])
    assert "1 step, 4 results differ" in words and "3 rows, 3 changed, matched by zone" in words
    held = {path.name for path in (root / "pipelines" / "fares").iterdir()}
    assert held >= {"1", "2", "history"}


def test_production_is_given_and_taken_back(executed):
    cells, _ = executed
    assert "fares@1 is again production" in shown(cells["rollback"])
    assert shown(cells["history"]).count("production") == 3


def test_another_value_is_computed_once(executed):
    cells, _ = executed
    assert "fares@1 ran: all 5 cells" in shown(cells["run"])
    assert "the results of all 5 cells were kept by earlier runs" in shown(cells["run-again"])


def test_a_shell_replays_what_the_notebook_published(executed):
    cells, root = executed
    assert "fares@1 replays: all" in shown(cells["replay"])
    assert Shell(root)("promote", "replay", "fares@production", seconds=300).code == 0
