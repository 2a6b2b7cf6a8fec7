"""The gates of a publication in a real notebook and in shells: what is refused leaves nothing behind, and what is told says where it is."""

import json
import os
import sqlite3
import subprocess
import sys

import pytest

from artifact import Project
from house import Kernel

NOTEBOOK = "people.ipynb"
PEOPLE = "id,name,mail,note,seen\n1,Ada,ada@analytical.engine.org,hello,2026-03-01T08:00:00Z\n2,Grace,grace@harbour.mil,{note},2026-03-01T08:10:00Z\n"
# Put together here, so that nothing that scans this repository stumbles over it.
TOKEN = "gh" + "p_" + "7Qx2ZmK9vR4tB1nW8cYpL5" + "sD3fHgJ6kAeTuVq"
SECRET = "between-the-lines-77"


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A lab whose notebook has run: one table holds addresses, one a secret of the environment, one cell a token."""
    project = Project(tmp_path_factory.mktemp("gates"))
    project.write("people.csv", PEOPLE.format(note="bye"))
    project.write("noted.csv", PEOPLE.format(note=f"it is {SECRET} here"))
    environment = {"JPY_SESSION_NAME": str(project.directory / NOTEBOOK), "HARBOUR_API_TOKEN": SECRET}
    with Kernel(project.directory, environment) as kernel:
        kernel.run("%lab init").ok()
        kernel.run("%feature source people people.csv --event-time seen --key id").ok()
        kernel.run('%feature sql "SELECT name, mail FROM people ORDER BY id" -> addresses').ok()
        kernel.run('%feature sql "SELECT count(*) AS people FROM people" -> counted').ok()
        kernel.run("%feature source noted noted.csv --event-time seen --key id").ok()
        kernel.run('%feature sql "SELECT name, note FROM noted ORDER BY id" -> noted').ok()
        kernel.run(f"%%feature sql -> pushed\n-- push with {TOKEN}\nSELECT count(*) AS people FROM people").ok()
        project.kernel = kernel
        yield project


def below(project, needle: str) -> set:
    """The files of the lab that hold a text."""
    files = (path for path in project.directory.rglob("*") if path.is_file())
    return {path.name for path in files if needle.encode() in path.read_bytes()}


def publish(project, name: str, *more):
    return project("promote", "publish", name, "--target", name, "--notebook", NOTEBOOK, *more)


def reports(project, name: str) -> dict:
    gates = json.loads((project.directory / "pipelines" / name / "1/attestations/gates.json").read_text())["gates"]
    return {report["gate"]: report for report in gates}


def test_a_token_in_a_cell_stops_the_publication(project):
    for attempt in (project.kernel.run("%promote publish pushed --target pushed"), publish(project, "pushed")):
        words = attempt.failed("In[7] holds a secret (GitHub token), which is not recorded", "fingerprint", "revoke")
        assert TOKEN[4:] not in words
    assert not (project.directory / "pipelines" / "pushed").exists()
    assert below(project, TOKEN) == set()
    ledger = sqlite3.connect(project.directory / ".kernwerk/ledger.sqlite")
    columns = {
        (table, column)
        for (table,) in ledger.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        for column in [info[1] for info in ledger.execute(f'PRAGMA table_info("{table}")')]
        if ledger.execute(f'SELECT 1 FROM "{table}" WHERE instr(CAST("{column}" AS BLOB), CAST(? AS BLOB)) LIMIT 1', [TOKEN]).fetchone()
    }
    assert columns == set()
    (text,) = ledger.execute("SELECT text FROM cell WHERE execution_count = 7").fetchone()
    assert "-- push with [secret kept out of the record: GitHub token, " in text


def test_a_secret_of_the_environment_is_known_by_its_value(project):
    words = project.kernel.run("%promote publish noted --target noted").failed("value of the environment variable HARBOUR_API_TOKEN", "column `note`")
    assert SECRET not in words
    assert not (project.directory / "pipelines" / "noted").exists()


def test_addresses_are_told_with_their_rows_and_can_be_refused_and_allowed(project):
    told = project.kernel.run("%promote publish addresses --target addresses").ok()
    assert "gate `pii` fails: column `mail` of `addresses` of cell 2 (In[3]), 2 rows and 1 more place: e-mail address" in told
    assert "gates that pass: secrets, staleness" in told and "unmeasured: budget" in told
    assert (reports(project, "addresses")["pii"]["state"], reports(project, "addresses")["pii"]["demand"]) == ("fail", "warn")
    assert "ada@" not in (project.directory / "pipelines/addresses/1/attestations/gates.json").read_text()
    shown = project("promote", "show", "addresses@1").ok()
    assert "gate `secrets` passes" in shown and "gate `budget` is unmeasured" in shown

    settings = project.directory / "kernwerk.toml"
    before = settings.read_text()
    try:
        settings.write_text('[promote.gates]\nrequire = ["pii"]\nstages = ["production"]\n')
        refused = project("promote", "gates", "addresses@1", "--format", "json")
        assert refused.code == 1, refused
        states = {row["gate"]: row["state"] for row in json.loads(refused.stdout)}
        assert states == {
            "secrets": "pass", "pii": "fail", "staleness": "pass", "licences": "pass", "advisories": "pass", "budget": "unmeasured",
            "production": "pass",
        }  # fmt: skip
        project("promote", "stage", "addresses@1", "production", "--by", "ada").failed("gate `pii` fails", "column `mail`")
        project("promote", "stage", "addresses@1", "staging", "--by", "ada").ok()
        (why,) = [row["why"] for row in json.loads(refused.stdout) if row["gate"] == "pii"]
        marks = [part[:16] for part in why.split("fingerprint ")[1:]]
        settings.write_text(f'[promote.gates]\nrequire = ["pii"]\nstages = ["production"]\nallow = {json.dumps(marks)}\n')
        project("promote", "stage", "addresses@1", "production", "--by", "ada").ok()
        settings.write_text('[promote.gates]\nrequire = ["budget"]\n')
        assert project("promote", "gates", "counted", "--target", "counted", "--notebook", NOTEBOOK).code == 2
        publish(project, "counted").failed("gate `budget` is unmeasured: no budget is set")
        settings.write_text('[promote.gates]\nrequire = ["sekrets"]\n')
        publish(project, "counted").failed("`sekrets` in [promote.gates]", "secrets")
        settings.write_text("[promote.gates]\nlicenses = []\n")
        publish(project, "counted").failed("kernwerk.toml", "licenses")
    finally:
        settings.write_text(before)


def test_stale_values_are_refused_until_the_cells_ran_again(project):
    kernel = project.kernel
    # The file is what it was, and the table holds another one now.
    kernel.run("%feature source people noted.csv --event-time seen --key id").ok()
    kernel.run("%promote publish counted --target counted").failed("gate `staleness` fails", "In[4]: a stale value, for table `people` has changed")
    publish(project, "counted").failed("gate `staleness` fails", "In[4]")
    kernel.run('%feature sql "SELECT count(*) AS people FROM people" -> counted').ok()
    assert "staleness" in kernel.run("%promote publish counted --target counted").ok()


def test_python_says_what_its_packages_say_of_their_licences(project):
    ran = subprocess.run(
        [sys.executable, "-P", "-m", "kernwerk.run_cells", "--environment", "pytest", "pyarrow", "numpy", "no-such-package"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    told = json.loads(ran.stdout)
    assert set(told["packages"]) == {"pytest", "pyarrow", "numpy"}
    assert told["licences"]["pytest"] == "MIT"
    assert told["licences"]["pyarrow"] == "Apache-2.0" and "BSD-3-Clause" in told["licences"]["numpy"]


def test_crates_are_looked_up_in_what_cells_are_built_with(project):
    """The licences and advisories of a real crate with all that it needs."""
    kernel = project.kernel
    ran = kernel.run(":dep plotters\nlet idle = 1;")
    ran.ok()
    count = ran.content["execution_count"]
    settings = project.directory / "kernwerk.toml"
    before = settings.read_text()
    ask = ("promote", "gates", "drawn", "--target", str(count), "--notebook", NOTEBOOK, "--format", "json")

    def asked() -> dict:
        return {row["gate"]: row for row in json.loads(project(*ask).stdout)}

    try:
        settings.write_text('[promote.gates]\nlicences = ["Zlib"]\nadvisories = "osv.json"\n')
        affected = [{"package": {"ecosystem": "crates" + ".io", "name": "plotters"}, "ranges": [{"type": "SEMVER", "events": [{"introduced": "0"}, {"fixed": "99.0.0"}]}]}]
        project.write("osv.json", json.dumps([{"id": "OSV-1", "summary": "it draws", "affected": affected}]))
        rows = asked()
        assert rows["licences"]["state"] == "fail" and "crate `plotters` 0.3" in rows["licences"]["why"], rows["licences"]
        assert "the licence MIT is not in the list" in rows["licences"]["why"]
        assert rows["advisories"]["state"] == "fail" and "OSV-1: it draws; fixed in 99.0.0" in rows["advisories"]["why"], rows["advisories"]
        # What is needed of it, too: some dozen crates.
        assert int(rows["licences"]["looked at"].split()[0]) > 10, rows["licences"]
        if not os.environ.get("KERNWERK_TORTURE"):
            return
        settings.write_text('[promote.gates]\nlicences = ["MIT", "Apache-2.0", "BSD-3-Clause", "Zlib", "ISC", "Unicode-3.0", "Unlicense", "BSD-2-Clause"]\n')
        assert asked()["licences"]["state"] == "pass", asked()["licences"]
    finally:
        settings.write_text(before)
