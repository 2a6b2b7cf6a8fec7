"""What a reviewer sees of two versions: in the shell, as data, as a page, and in version control."""

import json
import re
import subprocess

import pytest

from artifact import Project
from house import Kernel

RIDES = "ride,zone,pickup,fare\n1,1,2026-03-01T08:00:00Z,12.5\n2,2,2026-03-01T08:10:00Z,7.25\n3,1,2026-03-01T08:20:00Z,9.75\n"
NOTEBOOK = "rides.ipynb"
MEAN = "%feature sql SELECT zone, avg(fare) AS fare FROM rides GROUP BY zone ORDER BY zone -> fares"
MOST = "%feature sql SELECT zone, max(fare) AS fare, count(*) AS rides FROM rides GROUP BY zone ORDER BY zone -> fares"


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """Two versions of `trip`: means of three rides, then the largest fare of each zone of four."""
    project = Project(tmp_path_factory.mktemp("reading"))
    environment = {"JPY_SESSION_NAME": str(project.directory / NOTEBOOK)}
    with Kernel(project.directory, environment) as kernel:
        kernel.run("%lab init").ok()
        for rides, sql in [(RIDES, MEAN), (RIDES + "4,3,2026-03-01T08:30:00Z,31\n", MOST)]:
            project.write("rides.csv", rides)
            kernel.run("%feature source rides rides.csv --event-time pickup").ok()
            kernel.run(sql).ok()
            kernel.run("%promote publish trip --target fares").ok()
    return project


def test_the_shell_tells_what_differs_and_whether_anything_does(project):
    same = project("promote", "diff", "trip@2", "trip@2")
    assert same.code == 0 and "trip@2 and trip@2 are the same" in same.stdout
    differs = project("promote", "diff", "trip")
    assert differs.code == 1, differs.stdout + differs.stderr
    for words in [
        "trip@2 differs from trip@1",
        "-" + MEAN,
        "+" + MOST,
        "file rides.csv",
        "table `rides`, which it wrote: has other content: 3 rows became 4, 1 added, matched by ride",
        "`fares`: the table differs: 2 rows became 3, 1 added, 1 changed, matched by zone",
        "11.125 → 12.5",
    ]:
        assert words in differs.stdout, f"no {words!r} in:\n{differs.stdout}"
    for words, reason in [(["trip", "trip@7"], "no version 7"), (["trap"], "trap"), (["trip@1", "x/y"], "x/y")]:
        refused = project("promote", "diff", *words)
        assert refused.code == 2 and refused.stdout == "" and reason in refused.stderr and "hint:" in refused.stderr, refused


def test_programs_are_given_all_of_it(project):
    found = json.loads(project("promote", "diff", "trip@1", "trip@2", "--format", "json").stdout)
    assert found["same"] is False and found["before"]["artifact"] == "trip@1"
    assert [step["change"] for step in found["steps"]] == ["same", "changed"]
    (bound,) = [output for output in found["outputs"] if output["name"] == "`fares`"]
    table = bound["table"]
    assert (table["added"], table["removed"], table["changed"], table["matched_by"]) == (1, 0, 1, {"columns": ["zone"]})
    assert table["columns"] == [{"name": "rides", "before": None, "after": "Int64"}]
    assert table["values"] == [{"column": "fare", "rows": 1, "largest": {"before": 11.125, "after": 12.5, "row": "zone 1"}}]
    assert json.loads(project("promote", "diff", "trip@1", "trip@1", "--format", "json").ok())["same"] is True


def test_the_page_is_whole_and_shows_both_sides(project):
    shown = project("promote", "diff", "trip", "--html", "diff.html")
    assert shown.code == 1 and f"written to {project.directory / 'diff.html'}" in shown.stdout
    page = (project.directory / "diff.html").read_text()
    assert page.startswith("<!doctype html>") and page.rstrip().endswith("</html>") and "prefers-color-scheme:dark" in page
    assert not re.search(r'<script|(?:src|href)="(?!data:)', page)
    cells = re.sub(r"<[^>]+>", "", page)
    assert MEAN.replace(">", "&gt;") in cells and MOST.replace(">", "&gt;") in cells
    (project.directory / "place").mkdir()
    project("promote", "diff", "trip", "--html", "place/diff.html")
    assert (project.directory / "place/diff.html").read_text() == page
    project("promote", "diff", "trip", "--html", "rides.csv/diff.html").failed("rides.csv", "a file")
    project("promote", "diff", "trip", "--html", "diff.pdf").failed("does not end in", "`.html`")


def test_version_control_alone_shows_what_changed(project):
    git = ["git", "diff", "--no-index", "--no-color", "pipelines/trip/1", "pipelines/trip/2"]
    shown = subprocess.run(git, cwd=project.directory, capture_output=True, text=True).stdout
    assert "No newline at end of file" not in shown.split("b/pipelines/trip/2/cells/02.rs")[1].split("diff --git")[0]
    for line in ["-" + MEAN, "+" + MOST, "-1,11.125", "+1,12.5,2", "+3,31.0,1"]:
        assert line in shown.splitlines(), f"no {line!r} in:\n{shown}"
