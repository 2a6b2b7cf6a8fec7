"""The magics in a real IPython kernel: displays, variables, completion, errors, interrupts, progress, and the record of cells."""

import json
import re
import shlex
import shutil
import sqlite3
import subprocess
import sys
import time

import pytest
from face import BUSY, RIDES, SOURCE, IPython, documents
from house import Kernel, Shell


def displays(reply):
    return [content["data"] for kind, content in reply.outputs if kind == "display_data"]


def record(directory):
    """The lab's record of cells, as its ledger has it."""
    with sqlite3.connect(f"file:{directory / '.kernwerk' / 'ledger.sqlite'}?mode=ro", uri=True) as ledger:
        rows = ledger.execute("SELECT language, text, names, status FROM cell ORDER BY id").fetchall()
    return [(language, text, json.loads(names), status) for language, text, names, status in rows]


def test_a_session_from_source_to_training_set(ipython):
    shown = displays(ipython.run(SOURCE))
    assert len(shown) == 1 and "<table" in shown[0]["text/html"] and "24 rows" in shown[0]["text/plain"]
    ipython.run(BUSY).ok()
    ipython.run("import polars as pl\nasked = pl.DataFrame({'zone': ['harbour'], 'at': ['2024-05-01T09:00:00']})").ok()
    ipython.run("asked = asked.with_columns(pl.col('at').str.to_datetime(time_unit='us'))").ok()
    reply = ipython.run("%feature training asked --features busy --event-time at -> training\nprint(training.columns, len(training))")
    assert "['zone', 'at', 'last_fare'] 1" in reply.ok()
    assert "last_fare" in ipython.run("pl.DataFrame(training)").ok()
    shown = ipython.run("training").outputs
    assert [kind for kind, _ in shown] == ["execute_result"] and "<table" in shown[0][1]["data"]["text/html"]


def test_several_magics_in_one_cell_are_all_shown_in_their_order(ipython):
    texts = [data["text/plain"] for data in displays(ipython.run("%lab init\n%lab status\n%lab doctor"))]
    assert len(texts) == 3 and "identity" in texts[0] and "sound" in texts[2]


def test_the_value_of_a_magic_is_its_answer_where_it_is_wanted(ipython):
    ipython.run("%lab init").ok()
    ran = ipython.run('counted = %feature sql "SELECT 7 AS n"\nprint(len(counted.table), counted.table.columns)')
    assert ran.ok() == "1 ['n']\n", "what is assigned is not shown"
    shown = ipython.run('%feature sql "SELECT 8 AS n"')
    # A slow machine shows a bar besides.
    answers = [kind for kind, content in shown.outputs if "1 row" in content.get("data", {}).get("text/plain", "")]
    assert answers == ["display_data"], "and what is shown is not shown twice"
    ipython.run('counted = %feature sql "SELECT nothing"\nprint("on")').failed("nothing")
    assert ipython.run("counted.table.columns").ok() == "['n']\n"


def test_braces_and_dollars_are_themselves(ipython):
    ipython.run(SOURCE).ok()
    answer = ipython.run("zone = 'x'\n%feature sql \"SELECT '{zone} $zone' AS said\"")
    assert "{zone} $zone" in answer.ok()


# Lines whose answers must be the same in all faces: as they stand in a cell.
TRANSCRIPT = [
    "%lab init",
    "%lab init",
    SOURCE,
    "%feature source rides rides.csv --event-time nothing",
    "%feature source gone gone.csv",
    BUSY,
    "%%feature define wrong --entity zone --event-time pickup\nSELEC zone FROM rides",
    "%%feature define wrong --entity zone --event-time pickup\nSELECT zone FROM nowhere",
    "%feature define wrong --entity zone --event-time pickup",
    "%feature list",
    "%feature show rides",
    "%feature show busy",
    "%feature show nobody",
    "%feature history rides",
    "%%feature sql\nSELECT zone, count(*) AS rides FROM rides GROUP BY zone ORDER BY zone",
    "%feature sql \"SELECT 'a {b} $c' AS said\"",
    "%feature sql 'SELECT fare / 0 AS much FROM rides LIMIT 2'",
    "%feature sql 'SELECT * FROM range(100)' -> hundred",
    "%feature training rides --features busy -> frame",
    "%feature training frame --features busy --full-names",
    "%feature training rides --features busy.last_fare --reasons",
    "%feature training nobody --features busy",
    "%feature training rides --features nothing",
    "%feature training rides",
    "%feature trainig rides",
    "%feature --help",
    "%feature training --help",
    "%feature",
    "%rag list",
    "%rag ingest texts texts",
    "%rag list",
    '%rag search texts "ferries" --mode text -k 3 -> hits',
    '%rag search texts "ferries" --mode vector -k 2',
    '%rag search texts ""',
    '%rag search nowhere "ferries"',
    "%rag serch texts x",
    '%rag search texts "x',
    "%rag search texts ferries -> 2x",
    "%eval suite list",
    "%eval run nothing",
    "%promote list",
    "%promote show nothing@1",
    "%promote replay nothing@1",
    "%cost report --bye cell",
    "%cost report --by nothing",
    "%lab principal",
    "%lab sttus",
    "%lab status -> x",
]  # fmt: skip

# What is different each time: moments, identities, seconds, and where the lab lies.
PASSING = re.compile(
    r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)?|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|\d+(\.\d+)? m?s\b|\b\d+\.\d{3,}\b"
)


def substance(reply, directory):
    """What a cell showed, without progress and without what is different each time."""

    def steady(text):
        return re.sub(r"[─ ]+", " ", PASSING.sub("…", text.replace(str(directory), "/lab")))

    shown = []
    for kind, content in reply.outputs:
        if kind == "error":
            shown.append([kind, content["ename"], *map(steady, content["traceback"])])
        elif kind == "display_data" and "<progress" not in content["data"].get("text/html", ""):
            shown.append([kind, steady(content["data"]["text/plain"]), steady(content["data"]["text/html"])])
    return shown


def as_command(line):
    """A line as words of a shell, and its body; none where the shell has no such form."""
    head, _, body = line.partition("\n")
    try:
        words = shlex.split(head.lstrip("%"))
    except ValueError:
        return None
    return None if "->" in words or words[0] == head.lstrip("%") else (words, body if head.startswith("%%") else None)


def test_the_same_transcript_gives_the_same_in_all_faces(tmp_path):
    """In IPython and the kernel what is shown; in the shell, which prints text alone, the text and whether it is an error."""
    places = {}
    for face in ("ipython", "kernel", "shell"):
        places[face] = tmp_path / face
        places[face].mkdir()
        shutil.copy(RIDES, places[face] / "rides.csv")
        documents(places[face], 3)
    compared = 0
    with IPython(places["ipython"]) as ipython, Kernel(places["kernel"]) as kernel:
        for line in TRANSCRIPT:
            here, there = ipython.run(line), kernel.run(line)
            assert here.status == there.status, (line, here.text(), there.text())
            assert substance(here, places["ipython"]) == substance(there, places["kernel"]), line
            command = as_command(line)
            if command is None or "frame" in line:
                continue
            words, body = command
            body_words = [] if body is None else ["--body", "-"]
            ran = Shell(places["shell"])(*words, *body_words, stdin=body or "")
            shown = substance(here, places["ipython"])
            if here.status == "error":
                assert ran.code == 2, (line, ran)
                continue
            assert ran.code == 0, (line, ran)
            text = re.sub(r"[─ ]+", " ", PASSING.sub("…", ran.stdout.rstrip("\n").replace(str(places["shell"]), "/lab")))
            assert [text] == [text for _, text, _ in shown], line
            compared += 1
    assert len(TRANSCRIPT) >= 40 and compared >= 15, compared


def test_an_error_is_a_few_words_without_a_traceback(ipython):
    reply = ipython.run("%rag serch docs x")
    message = reply.failed("serch", "did you mean", "search")
    assert reply.content["ename"] == "UnknownVerb"
    assert "Traceback" not in message and "File " not in message and "ipython-input" not in message
    caught = ipython.run("import kernwerk\ntry:\n    get_ipython().run_line_magic('rag', 'serch')\nexcept kernwerk.Error as error:\n    print('caught', error.name)")
    assert "caught UnknownVerb" in caught.ok()


def test_completion_is_the_sessions(ipython):
    ipython.run(SOURCE).ok()
    ipython.run("asked = __import__('polars').DataFrame({'zone': ['harbour']})\nplain = 3").ok()
    assert ipython.complete("%feature sou") == ("sou", ["source"])
    assert ipython.complete("%feature show ri") == ("ri", ["rides"])
    assert ipython.complete("%feature training ask") == ("ask", ["asked"])
    assert "--features" in ipython.complete("%feature training rides --fea")[1]
    assert "%feature" in ipython.complete("%feat")[1]
    code = "x = 'é'\n%feature training pla"
    assert ipython.complete(code) == ("pla", []) or "plain" not in ipython.complete(code)[1]
    # IPython's own goes on as before.
    assert any("split" in found for found in ipython.complete("'a b'.spl")[1])
    assert "%timeit" in ipython.complete("%timei")[1]


def test_completion_of_a_magic_whose_value_is_wanted(ipython):
    ipython.run(SOURCE).ok()
    assert ipython.complete("shown = %feature sho") == ("sho", ["show"])
    assert "rides" in ipython.complete("shown = %feature show ")[1]


def test_help_is_where_python_users_look_for_it(ipython):
    assert "source" in ipython.run("%feature --help").ok()
    reply = ipython.run("%feature?")
    assert "point-in-time" in json.dumps(reply.content["payload"])


def test_an_interrupt_stops_the_work_and_the_session_lives_on(ipython):
    texts = documents(ipython.directory, 1500)
    request = ipython.send(f"%rag ingest texts {texts.name}")
    time.sleep(3)
    ipython.manager.interrupt_kernel()
    reply = ipython.wait(request, 60)
    assert reply.content["ename"] == "Interrupted"
    reply.failed("the lab is as it was before")
    assert "identity" not in ipython.run("%rag list").ok()
    assert record(ipython.directory)[-2][3] == "interrupted"


def test_progress_is_one_display_that_is_replaced(ipython):
    texts = documents(ipython.directory, 40)
    reply = ipython.run(f"%rag ingest texts {texts.name}")
    reply.ok()
    bars = [(kind, content) for kind, content in reply.outputs if "<progress" in content.get("data", {}).get("text/html", "")]
    assert [kind for kind, _ in bars].count("update_display_data") >= 1, reply.outputs
    for display in {content["transient"]["display_id"] for _, content in bars}:
        kinds = [kind for kind, content in bars if content["transient"]["display_id"] == display]
        assert kinds[0] == "display_data" and set(kinds[1:]) <= {"update_display_data"}


def test_cells_are_recorded_with_their_names(ipython):
    ipython.run("%lab init").ok()
    ipython.run("a = [1]\nb = len(a)").ok()
    ipython.run("a.append(b)\nc = a").ok()
    ipython.run("!true").ok()
    ipython.run("1 / 0")
    ipython.run("%feature list").ok()
    cells = record(ipython.directory)
    texts = {text: (language, names, status) for language, text, names, status in cells}
    assert texts["%feature list"][0] == "rust" and texts["%lab init"][0] == "rust"
    language, names, status = texts["a = [1]\nb = len(a)"]
    assert (language, status, names["defines"], names["uses"]) == ("python", "ok", ["a", "b"], [])
    names = texts["a.append(b)\nc = a"][1]
    assert (names["uses"], names["mutates"], names["defines"]) == (["a", "b"], ["a"], ["c"])
    assert texts["!true"][1]["barrier"] is True
    assert texts["1 / 0"][2] == "error"


def test_cells_are_recorded_under_the_numbers_that_people_see(ipython):
    shown = [ipython.run(code).content["execution_count"] for code in ("%lab init", "a = 1", "%lab status")]
    with sqlite3.connect(f"file:{ipython.directory / '.kernwerk' / 'ledger.sqlite'}?mode=ro", uri=True) as ledger:
        recorded = [count for (count,) in ledger.execute("SELECT execution_count FROM cell ORDER BY id")]
    assert shown == recorded


def test_the_extension_can_be_taken_away_and_loaded_again(ipython):
    ipython.run("%unload_ext kernwerk").ok()
    assert "not found" in ipython.run("%feature list").text()
    ipython.run("%load_ext kernwerk").ok()
    ipython.run("%load_ext kernwerk").ok()
    assert len(displays(ipython.run("%lab init"))) == 1


def test_ipython_in_a_terminal(directory):
    script = "%load_ext kernwerk\n%lab init\n%rag serch x\nprint('still here')\n"
    ran = subprocess.run(
        [sys.executable, "-m", "IPython", "--simple-prompt", "--no-banner", "--colors=NoColor"],
        input=script, cwd=directory, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    assert "identity" in ran.stdout and "still here" in ran.stdout
    assert "did you mean" in ran.stdout + ran.stderr
    assert "Traceback" not in ran.stdout + ran.stderr


@pytest.mark.parametrize("code", ["%%feature sql\nSELECT 1 AS one\n%%feature sql\nSELECT 2 AS two"])
def test_a_cell_of_two_body_magics_runs_both(ipython, code):
    ipython.run(SOURCE).ok()
    text = ipython.run(code).ok()
    assert "one" in text and "two" in text


def test_what_would_have_to_be_kept_up_to_date_is_refused_in_words(ipython):
    ipython.run("%lab init").ok()
    ipython.run("%cost watch").failed("cannot keep `%cost watch` up to date", "kernwerk cost watch", "%cost report")
    ipython.run("%cost watch --stop").ok()
