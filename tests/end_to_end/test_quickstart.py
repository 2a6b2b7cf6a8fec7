"""The quickstart, executed as `make run` does: its results against an independent computation, the slice it publishes, and its replay elsewhere."""

import datetime
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import nbformat
import polars
import pytest

import quickstart
from house import CHECKOUT, Shell

# The cells that the published pipeline must hold, in order; every other cell must stay behind.
SLICE = ["generate", "source-rides", "source-requests", "define-zone-hour", "training", "by-zone"]


@pytest.fixture(scope="module")
def executed(tmp_path_factory):
    """The cells after a run in a fresh checkout, by their ids, and the checkout's directory."""
    root = tmp_path_factory.mktemp("quickstart")
    notebook = quickstart.execute(quickstart.copy_to(root))
    return {cell.id: cell for cell in notebook.cells}, root


def shown(cell) -> str:
    """All text of a cell's outputs."""
    pieces = []
    for output in cell.outputs:
        pieces.append(output.get("text") or output.get("data", {}).get("text/plain", ""))
    return "\n".join(pieces)


def expected_by_zone(directory: Path) -> list:
    """The last cell of the slice, computed by brute force from the two CSV files."""
    hour = datetime.timedelta(hours=1)
    rides = polars.read_csv(directory / "notebooks" / "rides.csv", try_parse_dates=True).to_dicts()
    requests = polars.read_csv(directory / "notebooks" / "requests.csv", try_parse_dates=True).to_dicts()
    result = []
    for zone in sorted({request["zone"] for request in requests}):
        here = [ride for ride in rides if ride["zone"] == zone]
        features = []
        for ride in here:
            window = [other for other in here if ride["pickup"] - hour <= other["pickup"] <= ride["pickup"]]
            known = max(other["recorded"] for other in window)
            features.append((ride["pickup"], known, len(window), sum(other["fare"] for other in window) / len(window)))
        found = []
        mine = [request["requested"] for request in requests if request["zone"] == zone]
        for at in mine:
            eligible = [feature for feature in features if at - hour <= feature[0] <= at and feature[1] <= at]
            if eligible:
                found.append(max(eligible))
        result.append({
            "zone": zone,
            "requests": len(mine),
            "unknown": len(mine) - len(found),
            "rides": sum(feature[2] for feature in found) / len(found),
            "fare": sum(feature[3] for feature in found) / len(found),
        })
    return result


def holds_rows(text: str, expected: list):
    """Fails unless each of the rows stands in a line of the text."""
    for row in expected:
        line = next(line for line in text.splitlines() if row["zone"] in line)
        for number in (str(row["requests"]), str(row["unknown"]), f"{row['rides']:.2f}".rstrip("0"), f"{row['fare']:.2f}".rstrip("0")):
            assert number.rstrip(".") in line, (row, line)


def test_every_cell_with_something_to_say_says_it(executed):
    cells, _ = executed
    for cell in cells.values():
        if cell.cell_type == "code":
            assert cell.outputs, cell.id
            assert all(output.output_type != "error" for output in cell.outputs), cell.id


def test_magics_show_themselves_as_text_and_as_html(executed):
    cells, _ = executed
    for cell in cells.values():
        if cell.cell_type == "code" and cell.source.startswith("%"):
            bundles = [output.data for output in cell.outputs if output.output_type == "display_data"]
            assert bundles, cell.id
            assert all({"text/plain", "text/html"} <= set(bundle) for bundle in bundles), cell.id


def test_the_result_is_what_brute_force_gives(executed):
    cells, directory = executed
    expected = expected_by_zone(directory)
    assert len(expected) == 8 and sum(row["requests"] for row in expected) == 600
    assert 0 < sum(row["unknown"] for row in expected) < 600
    holds_rows(shown(cells["by-zone"]), expected)


def test_the_chart_is_a_picture(executed):
    cells, _ = executed
    pictures = [output.data for output in cells["chart"].outputs if "image/svg+xml" in output.get("data", {})]
    assert len(pictures) == 1
    svg = pictures[0]["image/svg+xml"]
    assert svg.lstrip().startswith("<svg") and "Harbour" in svg


def test_the_search_finds_the_page_about_replay(executed):
    cells, _ = executed
    text = shown(cells["search"])
    assert text.index("replay.md") < text.index("first-notebook.md") if "first-notebook.md" in text else "replay.md" in text


def test_an_answer_is_cited_and_what_nobody_says_is_not_known(executed):
    cells, _ = executed
    answer = shown(cells["ask"])
    assert "[1] docs/guide/replay.md" in answer, answer
    assert "I do not know" in shown(cells["ask-unknown"])


def test_the_documentation_is_found_as_well_as_the_gate_asks(executed):
    cells, _ = executed
    assert "pass" in shown(cells["gate"]) and "ndcg@10" in shown(cells["run"])
    assert re.search(r"gates that pass: [^\n]*handbook_quality", shown(cells["publish"])), shown(cells["publish"])


def test_the_budget_counts_what_was_used(executed):
    cells, _ = executed
    assert "1000000" in shown(cells["budget"]).replace(",", "")
    assert "hard" in shown(cells["budget-list"])


def test_the_cost_report_has_tokens_seconds_and_no_invented_price(executed):
    cells, _ = executed
    text = shown(cells["cost-report"])
    assert "unpriced" in text
    assert "%rag ingest" in text or "ingest" in text


def test_the_artifact_holds_exactly_the_cells_it_must(executed):
    cells, directory = executed
    artifact = directory / "pipelines" / "quickstart" / "1"
    stored = [nbformat.read(path, as_version=4) for path in artifact.glob("*.ipynb")]
    assert len(stored) == 1
    sources = [cell.source for cell in stored[0].cells if cell.cell_type == "code"]
    assert sources == [cells[name].source for name in SLICE]


def test_the_artifact_names_nothing_of_the_machine(executed):
    _, directory = executed
    artifact = directory / "pipelines" / "quickstart" / "1"
    machine = [str(directory), str(CHECKOUT), os.path.expanduser("~") + "/"]
    files = [path for path in artifact.rglob("*") if path.is_file() and "attestations" not in path.parts]
    assert any(path.name == "MANIFEST.json" for path in files)
    for path in files:
        text = path.read_bytes().decode(errors="replace")
        assert not [name for name in machine if name in text], path


def test_the_fresh_process_showed_what_the_notebook_showed(executed):
    """Every cell of the proof: what an earlier cell of the slice wrote is no input that the proof lacks."""
    cells, _ = executed
    text = shown(cells["publish"])
    assert text.count("identical") == len(SLICE) and "not compared" not in text, text
    assert "reads" not in shown(cells["plan"]), "the slice makes all that it reads"


def test_the_replay_in_the_notebook_agrees(executed):
    cells, _ = executed
    assert re.search(r"replays: all \d+ results are identical", shown(cells["replay"]))


def test_it_replays_elsewhere_byte_for_byte(executed, tmp_path):
    """Another checkout directory, another home, no lab: only what a reviewer gets by git."""
    _, directory = executed
    elsewhere = tmp_path / "another" / "place"
    shutil.copytree(directory, elsewhere, ignore=shutil.ignore_patterns(".git", ".kernwerk", "*.csv"))
    home = tmp_path / "someone"
    home.mkdir()
    own_home = Path.home()
    environment = {
        **os.environ,
        "HOME": str(home),
        # The toolchain and what is compiled for cells are the machine's.
        "CARGO_HOME": os.environ.get("CARGO_HOME", str(own_home / ".cargo")),
        "RUSTUP_HOME": os.environ.get("RUSTUP_HOME", str(own_home / ".rustup")),
        "XDG_CACHE_HOME": os.environ.get("XDG_CACHE_HOME", str(own_home / ".cache")),
    }
    shell = Shell(elsewhere)
    report = shell("promote", "replay", "quickstart@1", "--format", "json", env=environment, seconds=600)
    assert report.code == 0, report.stdout + report.stderr
    assert [row["agreement"] for row in json.loads(report.stdout)] == ["identical"] * len(SLICE)
    shell("promote", "verify", "quickstart@1", env=environment).ok()


def test_what_notebooks_make_is_ignored_by_git():
    """Working in the checkout's own notebooks leaves nothing that git would want to store."""
    made = ["kernwerk.toml", ".kernwerk/ledger.sqlite", "pipelines/quickstart/1/MANIFEST.json", "notebooks/rides.csv"]
    seen = subprocess.run(["git", "check-ignore", *made], cwd=CHECKOUT, capture_output=True, text=True)
    assert seen.stdout.split() == made
