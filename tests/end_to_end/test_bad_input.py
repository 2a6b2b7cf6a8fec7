"""What people get wrong, in a shell and in a notebook: a clear error each, and nothing half written."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from house import PROGRAM, Kernel, Shell, copy_of_minilm

GOOD = "ride,zone,pickup,fare\n1,Harbour,2026-03-01T08:00:00Z,12.5\n2,Station,2026-03-01T08:10:00Z,7\n"
SOURCE = ("feature", "source", "rides", "rides.csv", "--event-time", "pickup", "--key", "ride")
SOURCE_LINE = "%" + " ".join(SOURCE)


def data_of(directory) -> list:
    """Names of all files of the lab's tables, corpora and drafts."""
    lab = Path(directory) / ".kernwerk"
    return sorted(
        str(path.relative_to(lab))
        for part in ("tables", "corpora", "tmp")
        for path in (lab / part).rglob("*")
        if path.is_file()
    )


@pytest.fixture
def rides(shell):
    """A lab with a table `rides` and a corpus `handbook`."""
    shell.write("rides.csv", GOOD)
    shell(*SOURCE).ok()
    shell.write("docs/harbour.md", "# Harbour\n\nRides begin at the harbour.\n")
    shell("rag", "ingest", "handbook", "docs").ok()
    return shell


class TestInAShell:
    """Each mistake as a command."""

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (("feature", "sorce", "a", "b.csv"), ("no verb", "`source`")),
            (("feature", "source", "a", "b.csv", "--event-tim", "x"), ("--event-tim", "--event-time")),
            (("feature", "source", "a", "nowhere.csv", "--event-time", "x"), ("nowhere.csv",)),
            (("rag", "ingest", "corpus", "nowhere"), ("nowhere",)),
            (("rag", "search", "handbok", "harbour"), ("handbok", "handbook")),
            (("rag", "search", "handbook", ""), ("empty",)),
            (("rag", "search", "handbook", "   "), ("empty",)),
            (("rag", "search", "handbook", "--queries", "none.jsonl", "--run", "out.trec"), ("none.jsonl",)),
            (("feature", "training", "ride", "--features", "x"), ("ride", "rides")),
            (("feature", "sql", "SELECT * FROM ridse"), ("ridse", "rides")),
            (("promote", "replay", "nothing@1"), ("nothing",)),
        ],
    )
    def test_a_wrong_word(self, rides, arguments, words):
        before = data_of(rides.directory)
        rides(*arguments).failed(*words)
        assert data_of(rides.directory) == before

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("ride,zone,pickup,fare\n1,A,2026-03-01T08:00:00Z,1\n2,B,2026-03-01T08:10:00Z\n", ("3",)),
            ("ride,zone,pickup,fare\n1,A,2026-03-01T08:00:00Z,1\n2,B,not a time,2\n", ("pickup", "3", "not a time")),
            ("ride,zone,pickup,fare\n1,\"A,2026-03-01T08:00:00Z,1\n", ("2",)),
            ("ride,ride,pickup,fare\n1,2,2026-03-01T08:00:00Z,1\n", ("ride",)),
            ("", ("empty",)),
        ],
        ids=["too few fields", "no time", "open quote", "a name twice", "no text"],
    )
    def test_a_malformed_csv_is_named_by_row_and_column(self, rides, text, words):
        rides.write("rides.csv", text)
        before = data_of(rides.directory)
        rides(*SOURCE).failed("rides.csv", *words)
        assert data_of(rides.directory) == before

    def test_a_number_that_is_none_deep_in_a_file_is_named(self, rides):
        rows = [f"{ride},A,2026-03-01T08:00:00Z,{ride}.5" for ride in range(20_000)]
        rows[15_000] = "15000,A,yesterday,2"
        rides.write("rides.csv", "ride,zone,pickup,fare\n" + "\n".join(rows) + "\n")
        before = data_of(rides.directory)
        rides(*SOURCE).failed("rides.csv", "15002", "pickup", "yesterday")
        assert data_of(rides.directory) == before

    def test_a_csv_that_is_not_utf8_is_named_by_its_place(self, rides):
        rides.write("rides.csv", GOOD.encode().replace(b"Station", b"Stati\xf3n"))
        rides(*SOURCE).failed("rides.csv", "UTF-8")

    def test_wrong_sql_shows_the_position(self, rides):
        rides("feature", "sql", "SELECT zone\nFORM rides").failed("line 2", "FORM rides\n", "^")
        rides("feature", "sql", "SELECT zonne FROM rides").failed("`zonne`", "line 1, column 8", "`zone`")

    def test_wrong_sql_in_a_definition_defines_nothing(self, rides):
        define = ("feature", "define", "view", "--entity", "zone", "--event-time", "pickup", "--ttl", "1h")
        rides(*define, stdin="SELECT zone,, pickup FROM rides").failed()
        assert "view" not in rides("feature", "list").ok()

    def test_arguments_that_are_not_utf8(self, rides):
        ran = subprocess.run(
            [PROGRAM, "feature", "source", "rides", b"ri\xffdes.csv"], cwd=rides.directory, capture_output=True
        )
        assert ran.returncode != 0
        assert b"UTF-8" in ran.stderr and b"panicked" not in ran.stderr

    def test_a_body_that_is_not_utf8(self, rides):
        body = rides.write("body.sql", b"SELECT \xff FROM rides")
        define = ("feature", "define", "view", "--entity", "zone", "--event-time", "pickup", "--ttl", "1h")
        rides(*define, "--body", body).failed("UTF-8")

    def test_a_wrong_setting_is_named_by_its_line(self, rides):
        rides.write("kernwerk.toml", "# a lab\nlanguge = \"en\"\n")
        rides("feature", "list").failed("kernwerk.toml", "2", "languge")

    def test_a_corrupted_weight_file(self, rides):
        model = copy_of_minilm(rides.directory)
        weights = model / "model.safetensors"
        rides.write("kernwerk.toml", '[models]\nembedder = "model"\n')
        rides.write("more/station.md", "# Station\n\nTrains end here.\n")
        before = data_of(rides.directory)
        whole = weights.read_bytes()
        for spoiled in (whole[: len(whole) // 2], b"\xff" * 64 + whole[64:], b""):
            weights.write_bytes(spoiled)
            rides("rag", "ingest", "handbook", "more").failed("model.safetensors")
            assert data_of(rides.directory) == before

    def test_a_read_only_lab(self):
        with tempfile.TemporaryDirectory() as place:
            shell = Shell(Path(place))
            shell.write("rides.csv", GOOD)
            shell(*SOURCE).ok()
            before = data_of(place)
            subprocess.run(["chmod", "-R", "a-w", place], check=True)
            try:
                ran = unprivileged(place, *SOURCE)
                assert ran.returncode != 0
                assert "panicked" not in ran.stderr and ran.stderr.strip(), ran.stderr
                assert "read-only" in ran.stderr.lower() or "permission" in ran.stderr.lower(), ran.stderr
                read = unprivileged(place, "feature", "sql", "SELECT count(*) AS rides FROM rides", "--format", "csv")
                assert read.returncode == 0, read.stderr
                assert read.stdout.split() == ["rides", "2"]
            finally:
                subprocess.run(["chmod", "-R", "u+w", place], check=True)
            assert data_of(place) == before

    def test_a_read_only_lab_is_searched_without_a_record_unless_a_hard_budget_would_have_to_count(self):
        with tempfile.TemporaryDirectory() as place:
            shell = Shell(Path(place))
            shell.write("docs/harbour.md", "# Harbour\n\nRides begin at the harbour in the morning.\n")
            shell.write("queries.jsonl", json.dumps({"_id": "1", "text": "harbour"}))
            shell("rag", "ingest", "handbook", "docs").ok()
            calls = shell("cost", "report", "--by", "verb", "--all", "--format", "json").json()
            subprocess.run(["chmod", "-R", "a-w", place], check=True)
            ask = ("rag", "ask", "handbook", "where do rides begin?", "--format", "json")
            try:
                found = unprivileged(place, "rag", "search", "handbook", "harbour", "--format", "json")
                assert found.returncode == 0, found.stderr
                assert [hit["doc_id"] for hit in json.loads(found.stdout)] == ["docs/harbour.md"]
                assert found.stderr.count("nothing is recorded") == 1 and "read-only" in found.stderr, found.stderr
                asked = unprivileged(place, *ask)
                assert asked.returncode == 0 and json.loads(asked.stdout)["confidence"] > 0, asked.stderr
                with tempfile.TemporaryDirectory() as other:
                    os.chmod(other, 0o777)
                    run = Path(other) / "out.trec"
                    many = unprivileged(place, "rag", "search", "handbook", "--queries", "queries.jsonl", "--run", run)
                    assert many.returncode == 0 and run.read_text().startswith("1 Q0 docs/harbour.md 1"), many.stderr
            finally:
                subprocess.run(["chmod", "-R", "u+w", place], check=True)
            assert shell("cost", "report", "--by", "verb", "--all", "--format", "json").json() == calls
            shell("cost", "budget", "set", "--limit", "1000000", "--unit", "tokens", "--hard").ok()
            subprocess.run(["chmod", "-R", "a-w", place], check=True)
            try:
                refused = unprivileged(place, *ask)
                assert refused.returncode != 0 and refused.stdout == "", refused.stdout
                assert "read-only" in refused.stderr and "hard budget 1" in refused.stderr, refused.stderr
                by_words = unprivileged(place, "rag", "search", "handbook", "harbour", "--mode", "text")
                assert by_words.returncode == 0, by_words.stderr
            finally:
                subprocess.run(["chmod", "-R", "u+w", place], check=True)

    def test_a_lab_that_lost_something_is_not_called_sound(self, rides):
        tables, corpora = (Path(rides.directory) / ".kernwerk" / part for part in ("tables", "corpora"))
        assert all("with the bytes that were written" in row["detail"] for row in findings(rides("lab", "doctor", "--format", "json")))
        # Bytes that are as valid as the ones that were written.
        rides("feature", "source", "other", "rides.csv", "--event-time", "pickup", "--key", "fare").ok()
        [ours], [theirs] = ((tables / f"{name}.lance" / "data").iterdir() for name in ("rides", "other"))
        shutil.copy(theirs, ours)
        shutil.rmtree(corpora / "handbook.lance")
        doctor = rides("lab", "doctor", "--format", "json")
        assert doctor.code == 1, doctor.stdout
        details = {row["what"]: row["detail"] for row in findings(doctor) if row["state"] == "broken"}
        assert details.keys() == {"table rides", "corpus handbook"}, details
        assert "has other bytes than were written" in details["table rides"]
        assert "it is lost: version 1" in details["corpus handbook"] and "backup" in details["corpus handbook"]

    def test_a_broken_kernelspec_directory(self, shell):
        prefix = shell.directory / "prefix"
        shell.write("prefix/share/jupyter/kernels", "a file where a directory belongs")
        shell("kernel", "install", "--prefix", prefix).failed("kernels")
        (prefix / "share/jupyter/kernels").unlink()
        shell.write("prefix/share/jupyter/kernels/kernwerk/kernel.json", "{ not json")
        assert shell("kernel", "install", "--prefix", prefix).code == 0
        spec = json.loads((prefix / "share/jupyter/kernels/kernwerk/kernel.json").read_text())
        assert spec["language"] == "rust"
        assert shell("kernel", "uninstall", "--prefix", prefix).code == 0
        assert not (prefix / "share/jupyter/kernels/kernwerk").exists()
        shell("kernel", "uninstall", "--prefix", prefix).failed("kernwerk")


def unprivileged(directory, *arguments):
    """Runs the program as somebody whom file modes bind; the superuser lays down the right to pass them by."""
    drop = []
    if os.geteuid() == 0:
        drop = ["setpriv", "--bounding-set=-dac_override,-dac_read_search,-fowner"]
    return subprocess.run(
        [*drop, PROGRAM, *arguments], cwd=directory, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=120
    )


def findings(doctor) -> list[dict]:
    """What `lab doctor` found of tables and corpora."""
    rows = json.loads(doctor.stdout)
    return [row for row in rows if row["what"].startswith(("table ", "corpus "))]


class TestInANotebook:
    """Each mistake as a cell; the kernel lives on."""

    def test_wrong_words_in_magics(self, kernel):
        Shell(kernel.directory).write("rides.csv", GOOD)
        kernel.run(SOURCE_LINE).ok()
        before = data_of(kernel.directory)
        for code, words in [
            ("%featur list", ("featur", "%feature")),
            ("%feature lst", ("lst", "`list`")),
            ("%feature list --formatt json", ("--formatt",)),
            ("%feature source rides nowhere.csv --event-time pickup", ("nowhere.csv",)),
            ('%rag search handbook "harbour"', ("handbook",)),
            ("%feature sql SELECT zonne FROM rides", ("zonne",)),
            ("%feature source rides rides.csv --event-time 'pickup", ("quot",)),
            ("%feature training rides --features none -> training", ("none",)),
            ("%feature list -> 1x", ("1x",)),
        ]:
            kernel.run(code).failed(*words)
        assert data_of(kernel.directory) == before
        assert "rides" in kernel.run("%feature list").ok()

    def test_a_cell_after_a_failed_line_is_not_run(self, kernel):
        Shell(kernel.directory).write("rides.csv", GOOD)
        kernel.run("%feature lst\n" + SOURCE_LINE).failed("lst")
        assert data_of(kernel.directory) == []

    def test_a_cell_of_ten_megabytes(self, kernel):
        filler = "// " + "x" * 97 + "\n"
        code = filler * 100_000 + "1 + 1"
        kernel.run(code).failed("10100005 bytes", "at most", "hint")
        assert "no lab" in kernel.run("%lab status").ok()

    def test_a_magic_of_ten_megabytes(self, kernel):
        kernel.run("%feature list " + "x" * 10_000_000).failed()
        assert "no lab" in kernel.run("%lab status").ok()

    def test_a_cell_that_prints_a_hundred_megabytes(self, kernel):
        code = 'let line = "y".repeat(99); for _ in 0..1_000_000 { println!("{line}"); }'
        begun = time.monotonic()
        reply = kernel.run(code, seconds=300)
        reply.ok()
        streamed = sum(len(content["text"]) for kind, content in reply.outputs if kind == "stream")
        # All of it, or a part and the words that the rest was left out.
        assert streamed >= 100_000_000 or "left out" in reply.text()[-2000:], streamed
        assert time.monotonic() - begun < 300
        assert kernel.run("1 + 1").ok().strip() == "2"

    def test_text_that_is_not_unicode(self, kernel):
        """A message whose bytes are no UTF-8, rightly signed, is answered or dropped; the kernel lives on."""
        session, channel = kernel.client.session, kernel.client.shell_channel
        message = session.msg("execute_request", {"code": "@@", "silent": False, "store_history": True,
                                                  "user_expressions": {}, "allow_stdin": False, "stop_on_error": True})
        parts = session.serialize(message)
        at = parts.index(b"<IDS|MSG>")
        body = [part.replace(b"@@", b"let \xff\xfe = 1;") for part in parts[at + 2 :]]
        channel.socket.send_multipart([*parts[: at + 1], session.sign(body), *body])
        assert kernel.run("1 + 1").ok().strip() == "2"

    def test_half_of_a_character_pair(self, kernel):
        """A lone surrogate, which JSON can spell and Unicode text cannot hold."""
        session, channel = kernel.client.session, kernel.client.shell_channel
        message = session.msg("execute_request", {"code": "@@", "silent": False, "store_history": True,
                                                  "user_expressions": {}, "allow_stdin": False, "stop_on_error": True})
        parts = session.serialize(message)
        at = parts.index(b"<IDS|MSG>")
        body = [part.replace(b"@@", b"\\ud800") for part in parts[at + 2 :]]
        channel.socket.send_multipart([*parts[: at + 1], session.sign(body), *body])
        assert kernel.run("1 + 1").ok().strip() == "2"

    def test_a_stray_evcxr_toml_has_no_say(self, tmp_path):
        (tmp_path / "evcxr.toml").write_text('prelude = "this does not compile"\nopt_level = "none of these"\n')
        with Kernel(tmp_path) as kernel:
            assert kernel.run("40 + 2").ok().strip() == "42"

    def test_no_rust_toolchain(self, tmp_path):
        """Magics work; a Rust cell says what is missing and how to get it."""
        empty = tmp_path / "home"
        empty.mkdir()
        tools = tmp_path / "bin"
        tools.mkdir()
        for name in ("sh", "env"):
            (tools / name).symlink_to(shutil.which(name))
        Shell(tmp_path).write("rides.csv", GOOD)
        environment = {
            "HOME": str(empty),
            "PATH": str(tools),
            "XDG_CACHE_HOME": str(empty),
            "CARGO_HOME": str(empty / "cargo"),
            "RUSTUP_HOME": str(empty / "rustup"),
        }
        with Kernel(tmp_path, environment) as kernel:
            kernel.run(SOURCE_LINE).ok()
            kernel.run("1 + 1").failed("rust")
            assert "rides" in kernel.run("%feature list").ok()

    def test_code_that_is_no_rust(self, kernel):
        kernel.run("let x = ;").failed("expected expression")
        kernel.run('fn f() -> i32 { "text" }').failed("mismatched types")
        kernel.run("let text = \"never closed").failed()
        assert kernel.run("1 + 1").ok().strip() == "2"


@pytest.fixture(autouse=True)
def the_program_is_installed():
    if not PROGRAM.exists():
        pytest.fail(f"the program is not installed beside {sys.executable}: run make setup")
