"""The magics in a shell: suggestions, help, formats, which lab, exit codes, and what goes to which stream."""

import csv
import io
import json

import polars
import pytest

RIDES = """ride,zone,pickup,recorded,fare
1,Harbour,2026-03-01T08:00:00Z,2026-03-01T08:05:00Z,12.5
2,Station,2026-03-01T08:10:00Z,2026-03-01T08:20:00Z,7.25
3,Harbour,2026-03-01T08:30:00Z,2026-03-01T09:45:00Z,9
"""
SOURCE = ("feature", "source", "rides", "rides.csv", "--event-time", "pickup", "--created", "recorded", "--key", "ride")
QUERY = ("feature", "sql", "SELECT zone, count(*) AS rides FROM rides GROUP BY zone ORDER BY zone")


@pytest.fixture
def rides(shell):
    shell.write("rides.csv", RIDES)
    shell(*SOURCE).ok()
    return shell


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("featur", "list"), ("featur", "`%feature`")),
        (("feature", "trainig", "rides"), ("trainig", "`training`")),
        (("rag", "serch", "docs", "x"), ("serch", "`search`")),
        (("cost", "report", "--bye", "cell"), ("--bye", "--by")),
        (("promote", "replay"), ("replay",)),
    ],
)
def test_a_word_that_is_not_quite_right_gets_a_suggestion(shell, arguments, words):
    shell(*arguments).failed(*words)


def test_help_of_magics_and_verbs(shell):
    assert "feature" in shell("--help").ok()
    for magic, verbs in {
        "feature": ["source", "define", "training", "list", "show", "history", "sql"],
        "rag": ["ingest", "search"],
        "cost": ["report"],
        "promote": ["plan", "publish", "list", "show", "verify", "replay"],
        "lab": ["init", "status", "principal", "doctor"],
    }.items():
        overview = shell(magic, "--help").ok()
        for verb in verbs:
            assert verb in overview
            help_text = shell(magic, verb, "--help").ok()
            assert "Examples" in help_text, help_text


def test_the_text_format_is_for_people(rides):
    text = rides(*QUERY).ok()
    assert "Harbour" in text and "rides" in text


def test_json_holds_the_rows(rides):
    found = rides(*QUERY, "--format", "json").json()
    rows = found if isinstance(found, list) else found["rows"]
    assert rows == [{"zone": "Harbour", "rides": 2}, {"zone": "Station", "rides": 1}]


def test_csv_holds_the_rows(rides):
    rows = list(csv.DictReader(io.StringIO(rides(*QUERY, "--format", "csv").ok())))
    assert rows == [{"zone": "Harbour", "rides": "2"}, {"zone": "Station", "rides": "1"}]


def test_arrow_is_a_stream_that_others_read(rides):
    ran = rides(*QUERY, "--format", "arrow", text=False)
    assert ran.code == 0, ran.stderr
    frame = polars.read_ipc_stream(io.BytesIO(ran.stdout))
    assert frame.rows() == [("Harbour", 2), ("Station", 1)]


def test_html_is_a_table(rides):
    html = rides(*QUERY, "--format", "html").ok()
    assert "<table" in html and "Harbour" in html


@pytest.mark.parametrize("place", ["before", "between", "after"])
def test_the_lab_may_be_named_anywhere(rides, tmp_path, place):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    lab = ("--lab", str(tmp_path))
    arguments = {
        "before": (*lab, *QUERY),
        "between": (QUERY[0], *lab, *QUERY[1:]),
        "after": (*QUERY, *lab),
    }[place]
    assert "Harbour" in rides(*arguments, within=elsewhere).ok()


def test_the_lab_is_found_upwards(rides, tmp_path):
    below = tmp_path / "notes" / "march"
    below.mkdir(parents=True)
    assert "Harbour" in rides(*QUERY, within=below).ok()


def test_status_without_a_lab_says_so_and_succeeds(shell):
    assert "no lab" in shell("lab", "status").ok()
    assert not (shell.directory / ".kernwerk").exists()


def test_results_and_words_go_to_their_own_streams(shell):
    shell.write("docs/harbour.md", "# Harbour\n\nRides begin at the harbour.\n")
    ran = shell("rag", "ingest", "handbook", "docs", "--format", "json")
    json.loads(ran.ok())
    ran = shell("rag", "search", "handbook", "harbour", "--format", "csv")
    assert "harbour.md" in ran.ok()


def test_a_body_comes_from_standard_input_or_a_file(rides):
    sql = "SELECT zone, pickup, fare FROM rides"
    define = ("feature", "define", "fares", "--entity", "zone", "--event-time", "pickup", "--ttl", "1h")
    rides(*define, stdin=sql).ok()
    body = rides.write("fares.sql", sql)
    rides(*define, "--body", body).ok()
    assert "fares" in rides("feature", "list").ok()


def test_the_exit_code_is_zero_only_on_success(rides):
    assert rides("feature", "list").code == 0
    assert rides("feature", "show", "nothing").code != 0
    assert rides("promote", "verify", "nothing@1").code != 0
