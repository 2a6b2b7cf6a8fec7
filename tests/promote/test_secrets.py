"""No secret reaches the record of a lab, wherever in a notebook it stands: what happened is recorded with marks, what is run again later is refused."""

import json
import re
import sqlite3
from contextlib import closing

import pytest

from artifact import Project
from house import Kernel

RIDES = "ride,zone,pickup,fare\n1,1,2026-03-01T08:00:00Z,12.5\n2,2,2026-03-01T08:10:00Z,7.25\n"
# Put together here, so that nothing that scans this repository stumbles over it.
TOKEN = "gh" + "p_" + "7Qx2ZmK9vR4tB1nW8cYpL5" + "sD3fHgJ6kAeTuVq"
SECRET = "between-the-lines-77"
NOTEBOOK = f"work-{SECRET}.ipynb"


@pytest.fixture
def project(tmp_path, request):
    """A lab whose notebook is called by a secret of the environment, unless a test names it otherwise."""
    project = Project(tmp_path / "lab")
    project.directory.mkdir()
    project.write("rides.csv", RIDES)
    project.write(f"rides-{TOKEN}.csv", RIDES)
    environment = {"JPY_SESSION_NAME": str(project.directory / getattr(request, "param", NOTEBOOK)), "HARBOUR_API_TOKEN": SECRET}
    with Kernel(project.directory, environment) as kernel:
        project.kernel = kernel
        yield project


def columns_with(project, text: str) -> set:
    """The columns of the ledger that hold a text somewhere."""
    with closing(sqlite3.connect(project.directory / ".kernwerk/ledger.sqlite")) as ledger:
        return {
            f"{table}.{column}"
            for (table,) in ledger.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
            for column in [info[1] for info in ledger.execute(f'PRAGMA table_info("{table}")')]
            if ledger.execute(f'SELECT 1 FROM "{table}" WHERE instr(CAST("{column}" AS BLOB), CAST(? AS BLOB)) LIMIT 1', [text]).fetchone()
        }


def files_with(project, text: str) -> set:
    """The files of the ledger, its log among them, that hold a text in their bytes."""
    return {path.name for path in (project.directory / ".kernwerk").glob("ledger.sqlite*") if text.encode() in path.read_bytes()}


def test_no_table_of_the_ledger_holds_a_secret(project):
    kernel = project.kernel
    kernel.run("%lab init").ok()
    kernel.run(f"%feature source rides 'rides-{TOKEN}.csv' --event-time pickup --key ride").ok()
    kernel.run(f"%feature sql SELECT '{TOKEN}' AS word FROM rides -> words").ok()
    kernel.run(f"%feature sql SELECT count(*) AS rides FROM rides -> {TOKEN}").ok()
    kernel.run(f"%promote param word:text={SECRET}").ok()
    kernel.run("%cost tag nightly").ok()
    # What would be run again, or looked up by its name, would be something else with a mark in it.
    refused = [
        f"%%feature define busy --entity zone --event-time pickup\nSELECT zone, pickup, fare FROM rides WHERE CAST(zone AS VARCHAR) <> '{TOKEN}'",
        f"%%feature define busy --entity zone --event-time pickup\nSELECT zone, pickup, fare, '{SECRET}' AS word FROM rides",
        f"%feature source {TOKEN} rides.csv --event-time pickup",
        f"%%eval suite define quality\n# {TOKEN}\ntarget: {{corpus: handbook, mode: text}}\ngolden: questions\nmetrics: [mrr]",
        f"%cost tag {TOKEN}",
        f"%cost budget set --limit 5 --unit tokens --soft --scope tag={TOKEN}",
    ]
    for cell in refused:
        words = kernel.run(cell).failed("holds a secret", "fingerprint", "`allow`")
        assert TOKEN[4:] not in words and SECRET not in words, words
    assert "busy" not in kernel.run("%feature list").ok()
    kernel.run("%lab status").ok()
    for text in (TOKEN, SECRET):
        assert (columns_with(project, text), files_with(project, text)) == (set(), set()), text
    marked = columns_with(project, "[secret kept out of the record: ")
    assert {"cell.text", "cell.notebook", "cell.names", "cell.effects", "cell.bindings", "tag.notebook"} <= marked, marked
    # It is still this notebook's record, though no cell of it that had a secret can be published.
    assert "nightly" in kernel.run("%cost tag").ok()
    planned = kernel.run("%promote plan words --target words").text()
    assert "holds a secret (GitHub token)" in planned and TOKEN not in planned, planned


@pytest.mark.parametrize("project", ["work.ipynb"], indirect=True)
def test_what_is_allowed_counts_from_the_moment_when_it_is(project):
    """In the record and for the gates alike, without another start of the kernel."""
    kernel = project.kernel
    kernel.run("%lab init").ok()
    kernel.run("%feature source rides rides.csv --event-time pickup --key ride").ok()
    define = f"%%feature define busy --entity zone --event-time pickup\nSELECT zone, pickup, fare, '{TOKEN}' AS word FROM rides"
    words = kernel.run(define).failed("feature view `busy` holds a secret, and no record may: GitHub token")
    (fingerprint,) = set(re.findall(r"fingerprint ([0-9a-f]{16})", words))
    settings = project.directory / "kernwerk.toml"
    settings.write_text(settings.read_text() + f"\n[promote.gates]\nallow = {json.dumps([fingerprint])}\n")
    kernel.run(define).ok()
    kernel.run("%feature sql SELECT zone, fare FROM busy ORDER BY zone -> fares").ok()
    assert columns_with(project, TOKEN) == {"definition.body", "cell.text"}
    published = kernel.run("%promote publish fares --target fares").ok()
    assert "gates that pass: secrets" in published, published
