"""A pipeline of rows, documents and Rust, published once from a real kernel: untouched it replays anywhere; whatever is planted is found and named."""

import os
import shutil
from pathlib import Path

import pytest

from artifact import Project, agreements, assert_differs, assert_not_run
from house import Kernel, copy_of_minilm

RIDES = """ride,zone,pickup,fare
1,1,2026-03-01T08:00:00Z,12.5
2,2,2026-03-01T08:10:00Z,7.25
3,1,2026-03-01T08:20:00Z,9.75
4,3,2026-03-01T08:30:00Z,31
5,2,2026-03-01T08:40:00Z,8
"""
ZONES = "zone,name\n1,Harbour\n2,Station\n3,Airport\n"
NOTES = {
    "harbour.md": "# Harbour\n\nThe ferry leaves the harbour every hour, also in winter.\n",
    "airport.md": "# Airport\n\nRides from the airport cost a fixed surcharge.\n",
    "station.md": "# Station\n\nThe night train stops at the station at two.\n",
}

# What the artifact must hold, in order. The table `zones` is from before, and the model lies where `kernwerk.toml` says.
SLICE = {
    "rides": "%feature source rides ../data/rides.csv --event-time pickup --key ride",
    "fares": '%feature sql "SELECT name, avg(fare) AS fare FROM rides JOIN zones USING (zone) GROUP BY name ORDER BY name" -> fares',
    "notes": "%rag ingest notes ../notes",
    "found": '%rag search notes "when does the ship sail" -k 1 -> found',
    "rounded": "/// Without cents.\nfn rounded(fare: f64) -> i64 {\n    fare.round() as i64\n}",
    "lines": """let mut lines = Vec::new();
for (name, fare) in fares.texts("name")?.into_iter().flatten().zip(fares.numbers("fare")?) {
    lines.push((name, rounded(fare.unwrap_or_default())));
}
let page = found.texts("source")?.into_iter().flatten().collect::<String>();
println!("{lines:?}; ships: {page}");""",
    "chart": """:dep plotters
let caption = format!("Fares; \\"ships\\" & more: {page}");
let chart = kernwerk::plot(320, 200, |area| {
    use plotters::prelude::*;
    area.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(area).caption(&caption, ("sans-serif", 14)).build_cartesian_2d(0..lines.len(), 0i64..40)?;
    chart.draw_series(lines.iter().enumerate().map(|(place, (_, fare))| Rectangle::new([(place, 0), (place + 1, *fare)], BLUE.filled())))?;
    Ok(())
});
chart""",
}
STEPS = list(SLICE)
# Cells that lead nowhere, each in front of the one that it is named after.
BESIDE = {"fares": "let idle = 7;", "lines": "let idle = (idle, fares.rows());", "chart": "%cost report"}
# Runs after the target, and brings names into scope that nobody spells out.
AFTERWARDS = "use std::collections::*;\nlet counts = BTreeMap::from_iter(lines.clone());"


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """The project in which the notebook ran, and what its cells answered."""
    root = tmp_path_factory.mktemp("original") / "project"
    project = Project(root)
    project.write("kernwerk.toml", '[models]\nembedder = "../model"\n')
    project.write("data/rides.csv", RIDES)
    project.write("data/zones.csv", ZONES)
    for name, text in NOTES.items():
        project.write(f"notes/{name}", text)
    copy_of_minilm(root.parent)
    project("feature", "source", "zones", "data/zones.csv").ok()
    notebook = root / "notebook"
    notebook.mkdir()
    replies = {}
    with Kernel(notebook) as kernel:
        for name, code in SLICE.items():
            if name in BESIDE:
                kernel.run(BESIDE[name]).ok()
            replies[name] = kernel.run(code)
            replies[name].ok()
        kernel.run(AFTERWARDS).ok()
        target = replies["chart"].content["execution_count"]
        replies["publish"] = kernel.run(f"%promote publish trip --target {target}")
        replies["publish"].ok()
    return project, replies


@pytest.fixture
def checkout(published, tmp_path):
    """The project in another place, with its lab and a model beside it, for one test to spoil."""
    original = published[0].directory
    elsewhere = tmp_path / "some" / "other name"
    shutil.copytree(original, elsewhere)
    (elsewhere.parent / "model").symlink_to(original.parent / "model")
    return Project(elsewhere)


def step(name: str) -> int:
    return STEPS.index(name) + 1


def test_the_artifact_holds_exactly_the_cells_it_must(published):
    project, _ = published
    stored = sorted(project.artifact("cells").iterdir())
    assert [path.read_text() for path in stored] == [cell + "\n" for cell in SLICE.values()]


def test_a_fresh_process_showed_what_the_notebook_showed(published):
    """All that cells show is compared and identical, the picture's bytes among it."""
    project, replies = published
    words = replies["publish"].text()
    assert words.count("identical") == len(SLICE) - 1 and "shows nothing" in words, words
    assert "not compared" not in words, words
    (svg,) = [content["data"]["image/svg+xml"] for _, content in replies["chart"].outputs if "image/svg+xml" in content.get("data", {})]
    (stored,) = [path for path in project.artifact("outputs").iterdir() if path.suffix == ".svg"]
    assert stored.read_text() == svg
    assert "harbour.md" in svg and "&quot;ships&quot; &amp; more" in svg


def test_it_replays_in_another_directory_with_another_home(checkout, tmp_path):
    home = tmp_path / "someone"
    home.mkdir()
    own = Path.home()
    environment = {
        **os.environ,
        "HOME": str(home),
        # The toolchain and what is compiled for cells are the machine's.
        "CARGO_HOME": os.environ.get("CARGO_HOME", str(own / ".cargo")),
        "RUSTUP_HOME": os.environ.get("RUSTUP_HOME", str(own / ".rustup")),
        "XDG_CACHE_HOME": os.environ.get("XDG_CACHE_HOME", str(own / ".cache")),
    }
    report = checkout("promote", "replay", "trip@1", "--format", "json", env=environment, seconds=300)
    assert report.code == 0, report.stdout + report.stderr
    assert agreements(report) == ["shows nothing to compare" if name == "rounded" else "identical" for name in SLICE]
    assert "is sound" in checkout.verify().ok()


def test_planted_results_are_found_by_running(checkout):
    """In what one cell printed, and in a chart: both are told, and the first of them is named."""
    planted = {"lines": ("*-stdout.txt", '("Airport", 31)', '("Airport", 30)'), "chart": ("*-result.svg", "harbour.md", "airport.md")}
    for name, (pattern, good, wrong) in planted.items():
        (reference,) = checkout.artifact("outputs").glob(f"{step(name):02}{pattern}")
        text = reference.read_text()
        assert good in text
        reference.write_text(text.replace(good, wrong))
    checkout.forge()
    report = checkout.replay()
    first = f"cell {step('lines')} is the first to diverge: output 1 (standard output, txt), line 1: expected"
    assert_differs(report, first, '("Airport", 30)', '("Airport", 31)', "output 1 (result, svg)")
    assert report.stdout.count("  identical ") == len(SLICE) - 3 and report.stdout.count("  different ") == 2, report.stdout


def test_a_changed_cell_is_named_by_its_digest_and_by_what_it_does(checkout):
    number = step("rounded")
    cell = checkout.artifact(f"cells/{number:02}.rs")
    cell.write_text(cell.read_text().replace("round", "floor").replace("floored", "rounded"))
    named = f"changed: cells/{number:02}.rs (the text of cell {number})"
    for report in (checkout.verify(), checkout.replay()):
        assert_differs(report, named)
    checkout.forge()
    # The cell shows nothing itself: the first that uses it diverges.
    assert_differs(checkout.replay(), f"cell {step('lines')} is the first to diverge", '("Station", 8)', '("Station", 7)')


def test_an_extra_cell_is_named(checkout):
    number = len(SLICE) + 1
    extra = checkout.artifact(f"cells/{number:02}.rs")
    extra.write_text('println!("what nobody published");')
    named = f"extra: cells/{number:02}.rs (the text of cell {number})"
    for report in (checkout.verify(), checkout.replay()):
        assert_differs(report, named)
    pipeline = checkout.artifact("pipeline.toml")
    pipeline.write_text(pipeline.read_text() + f'\n[[steps]]\nstep = {number}\nfile = "cells/{number:02}.rs"\nneeds = []\n')
    checkout.forge()
    report = checkout.replay()
    assert_differs(report, f"cell {number} is the first to diverge", "one output more", "what nobody published")


def test_a_changed_input_table_is_named(checkout):
    """Another table under the same name and version."""
    shutil.rmtree(checkout.directory / ".kernwerk" / "tables" / "zones.lance")
    missing = checkout.replay()
    assert_not_run(missing, "could not be replayed", "missing: table `zones` version 1")
    checkout.write("data/zones.csv", ZONES.replace("Airport", "Airfield"))
    checkout("feature", "source", "zones", "data/zones.csv").ok()
    assert_differs(checkout.replay(), "changed: table `zones` version 1")


@pytest.mark.parametrize(("file", "good", "wrong"), [("data/rides.csv", "12.5", "12.6"), ("notes/harbour.md", "ferry", "cab")])
def test_a_changed_input_file_is_named(checkout, file, good, wrong):
    path = checkout.directory / file
    path.write_text(path.read_text().replace(good, wrong))
    assert_differs(checkout.replay(), f"changed: file `{file}`")
    path.unlink()
    assert_not_run(checkout.replay(), f"missing: file `{file}`")


def test_a_changed_model_is_named(checkout, published):
    place = checkout.directory.parent / "model"
    place.unlink()
    assert_not_run(checkout.replay(), "missing: model `all-MiniLM-L6-v2`")
    shutil.copytree(published[0].directory.parent / "model", place)
    weights = place / "model.safetensors"
    with weights.open("r+b") as file:
        file.seek(-1, os.SEEK_END)
        last = file.read(1)[0]
        file.seek(-1, os.SEEK_END)
        file.write(bytes([last ^ 1]))
    assert_differs(checkout.replay(), "changed: model `all-MiniLM-L6-v2`", "model.safetensors")


def test_what_cannot_be_read_is_not_run(checkout):
    assert_not_run(checkout("promote", "replay", "trip@2"), "trip", "no version 2")
    checkout.artifact("pipeline.toml").write_text("format = 1\n")
    checkout.forge()
    assert_not_run(checkout.replay(), "pipeline.toml")
    checkout.artifact("MANIFEST.json").write_text("{")
    assert_not_run(checkout.replay(), "MANIFEST.json")
