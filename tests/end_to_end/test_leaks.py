"""Nobody sees or can count what they may not read: five principals, documents with readers drawn by lot, every way to look at
a corpus, in every face.

What somebody is shown of a corpus with rows for others must be, letter by letter, what is shown of a corpus that never had
those rows. Seen to fail when the view of a corpus keeps rows that its principal may not read.
"""

import json
import os
import random
import re

import pytest

from house import Kernel, Shell

GROUPS = {"ada": ["finance"], "ben": ["crew"], "cleo": ["crew", "finance"], "dora": [], None: []}
READERS = ["everyone", "user:ada", "user:dora", "group:crew", "group:finance", "user:ben,group:finance"]
MODES = ("text", "vector", "hybrid")
WORDS = "harbour ferry bridge tower tunnel market garden station river square lamp signal anchor cable".split()
# One readers' list a file: an ingest says it for all documents of a file.
DOCUMENTS_A_FILE = 3
SEEDS = (1,) if not os.environ.get("KERNWERK_TORTURE") else range(1, 9)


class InShell:
    """The program, started anew for each command: for fewer of them."""

    queries = 1

    def __init__(self, directory):
        self.shell = Shell(directory)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def __call__(self, who, *words):
        """What a command shows: whether it worked, what it gives to programs, and the words beside it."""
        ran = self.shell(*words, *(["--principal", who] if who else []), "--format", "json")
        return ran.code, ran.stdout, ran.stderr


class InKernel:
    """One kernel that works for one principal after the other: nothing of the one before may stay."""

    queries = 3

    def __init__(self, directory):
        self.kernel = Kernel(directory)

    def __enter__(self):
        self.kernel.__enter__()
        return self

    def __exit__(self, *problem):
        self.kernel.__exit__(*problem)

    def __call__(self, who, *words):
        self.kernel.run(f"%lab principal {who or '--nobody'}").ok()
        quoted = " ".join(f'"{word}"' if " " in str(word) else str(word) for word in words)
        reply = self.kernel.run("%" + quoted)
        shown = [content.get("data") or [content.get(key) for key in ("ename", "evalue", "traceback", "text")]
                 for _, content in reply.outputs]  # fmt: skip
        # Whether a bar is seen, and how far, is chance.
        return reply.status, [one for one in shown if "<progress" not in json.dumps(one)]


class InIPython(InKernel):
    """The same in an IPython that has loaded the extension."""

    def __init__(self, directory):
        self.kernel = Kernel(directory, name="python3")

    def __enter__(self):
        super().__enter__()
        self.kernel.run("%load_ext kernwerk").ok()
        return self


# A face is a context that is called with a principal and the words of a magic.
FACES = {"shell": InShell, "kernel": InKernel, "ipython": InIPython}


class Library:
    """Documents with readers drawn by lot, a corpus of all of them, and for each principal one of what they may read."""

    def __init__(self, directory, seed):
        self.shell = Shell(directory)
        chance = random.Random(seed)
        listed = "".join(f"[principals.{who}]\ngroups = {json.dumps(groups)}\n" for who, groups in GROUPS.items() if who)
        self.shell.write("kernwerk.toml", listed)
        lists = READERS + chance.choices(READERS, k=4)
        self.documents = {}
        for number, readers in enumerate(lists):
            records = []
            for place in range(DOCUMENTS_A_FILE):
                name = f"d{number}x{place}"
                # A word that stands in no other document tells whether this one was seen.
                text = f"The {' '.join(chance.choices(WORDS, k=9))} is at mark{name}. The {' '.join(chance.choices(WORDS, k=7))} is not."
                records.append({"_id": name, "title": chance.choice(WORDS), "text": text})
                self.documents[name] = readers
            lines = "".join(json.dumps(record) + "\n" for record in records)
            self.shell.write(f"file{number}.jsonl", lines)
            self.shell("rag", "ingest", "all", f"file{number}.jsonl", "--readers", readers).ok()
            for who in GROUPS:
                if self.may_read(who, readers):
                    self.shell("rag", "ingest", self.own(who), f"file{number}.jsonl", "--readers", readers).ok()
        self.query = " ".join(chance.choices(WORDS, k=3))
        self.hidden_from = {who: [name for name, readers in self.documents.items() if not self.may_read(who, readers)]
                            for who in GROUPS}  # fmt: skip
        self.shown_to = {who: sorted(set(self.documents) - set(hidden)) for who, hidden in self.hidden_from.items()}

    @staticmethod
    def own(who):
        return f"of_{who or 'nobody'}"

    @staticmethod
    def may_read(who, readers):
        covers = {"everyone", f"user:{who}"} | {f"group:{group}" for group in GROUPS[who]}
        return bool(set(readers.split(",")) & (covers if who else {"everyone"}))

    def looks(self, who, queries):
        """Every way to look at a corpus, with so many queries, as words with a place for its name."""
        hidden, shown = self.hidden_from[who][0], self.shown_to[who][0]
        for query in [f"{self.query} mark{hidden}", f"mark{hidden}", f"where is mark{shown}"][:queries]:
            for mode in MODES:
                yield ["rag", "search", "{}", query, "--mode", mode, "-k", "50"]
            yield ["rag", "ask", "{}", query]
            yield ["rag", "ask", "{}", query, "--threshold", "0", "-n", "20"]
        yield ["rag", "show", "{}"]
        yield ["rag", "show", "{}", shown]
        yield ["rag", "show", "{}", hidden]
        yield ["rag", "show", "{}", f"{hidden}y"]
        yield ["rag", "delete", "{}", hidden]
        yield ["rag", "delete", "{}", shown, hidden]
        yield ["rag", "delete", "{}", "--source", f"file{self.file_of(hidden)}.jsonl"]

    @staticmethod
    def file_of(name):
        return re.match(r"d(\d+)x", name)[1]


@pytest.fixture(scope="module", params=SEEDS)
def library(request, tmp_path_factory):
    return Library(tmp_path_factory.mktemp("library"), request.param)


@pytest.mark.parametrize("face", FACES)
def test_what_others_may_read_changes_nothing(library, face):
    with FACES[face](library.shell.directory) as look:
        for who in GROUPS:
            own = library.own(who)
            for words in library.looks(who, FACES[face].queries):
                in_all = json.dumps(look(who, *[word.format("all") for word in words]))
                in_own = json.dumps(look(who, *[word.format(own) for word in words]))
                assert in_all == in_own.replace(own, "all"), (who, words)


@pytest.mark.parametrize("face", FACES)
def test_nothing_that_is_shown_names_a_hidden_document(library, face):
    """The same once more without a second corpus: no word of a hidden document is in anything, and all of the others are."""
    with FACES[face](library.shell.directory) as look:
        for who in GROUPS:
            looks = [["rag", "show", "all"], ["rag", "list"], ["lab", "doctor"], ["lab", "status"],
                     ["rag", "search", "all", " ".join(WORDS), "--mode", "hybrid", "-k", "99"],
                     ["rag", "ask", "all", " ".join(WORDS), "--threshold", "0", "-n", "99"]]  # fmt: skip
            told = [json.dumps(look(who, *words)) for words in looks]
            for name in library.hidden_from[who]:
                for words, text in zip(looks, told):
                    assert f"mark{name}" not in text and f"{name}\"" not in text, (who, words, name)
            for name in library.shown_to[who]:
                assert f"{name}" in told[0], (who, name)
            # No number of all documents or chunks stands anywhere.
            for words, text in zip(looks[:3], told[:3]):
                if library.hidden_from[who]:
                    assert not re.search(rf"(?<![\w.-]){len(library.documents)}(?![\w.-])", text), (who, words, text)


def test_counts_are_those_of_readable_rows(library):
    for who, names in library.shown_to.items():
        principal = ["--principal", who] if who else []
        rows = {row["corpus"]: row for row in library.shell("rag", "list", "--format", "json", *principal).json()}
        assert (rows["all"]["documents"], rows["all"]["chunks"]) == (len(names), len(names)), who
        assert {**rows["all"], "corpus": "", "version": 0} == {**rows[library.own(who)], "corpus": "", "version": 0}, who


def test_corpora_are_no_tables(library):
    for name in ("all", "corpora.all", "rag.all", "chunks"):
        library.shell("feature", "sql", f"SELECT count(*) FROM {name}").failed()


def test_a_delete_takes_only_what_one_may_read(tmp_path):
    """Also where a directory holds documents of others: those stay, and nobody is told of them."""
    shell = Shell(tmp_path)
    shell.write("kernwerk.toml", "[principals.ada]\n[principals.ben]\n")
    for who in ("ada", "ben"):
        shell.write(f"notes/{who}.md", f"# {who}\n\nThe notes of {who}.\n")
        shell("rag", "ingest", "notes", f"notes/{who}.md", "--readers", f"user:{who}").ok()
    told = shell("rag", "delete", "notes", "--source", "notes", "--principal", "ada", "--format", "json").json()
    assert (told["documents deleted"], told["deleted"]) == (1, "notes/ada.md")
    shell("rag", "delete", "notes", "notes/ben.md", "--principal", "ada").failed("no document `notes/ben.md`")
    assert shell("rag", "show", "notes", "--principal", "ada", "--format", "json").json() == []
    [kept] = shell("rag", "show", "notes", "--principal", "ben", "--format", "json").json()
    assert kept["doc_id"] == "notes/ben.md"


def test_a_refresh_leaves_alone_what_one_may_not_read(tmp_path):
    shell = Shell(tmp_path)
    shell.write("kernwerk.toml", "[principals.ada]\n[principals.ben]\n")
    for who in ("ada", "ben"):
        shell.write(f"notes/{who}.md", f"# {who}\n\nThe notes of {who}.\n")
        shell("rag", "ingest", "notes", f"notes/{who}.md", "--readers", f"user:{who}").ok()
    (tmp_path / "notes/ben.md").unlink()
    shell.write("notes/ada.md", "# ada\n\nOther notes of ada.\n")
    told = shell("rag", "refresh", "notes", "--principal", "ada", "--format", "json").json()
    assert (told["changed"], told["removed"], told["unchanged"], told["chunks embedded"]) == (1, 0, 0, 1)
    # What changed is for the same readers as before.
    assert shell("rag", "show", "notes", "--format", "json").json() == []
    assert "Other notes" in shell("rag", "search", "notes", "notes", "--principal", "ada", "--mode", "text").ok()
    assert "notes of ben" in shell("rag", "search", "notes", "notes", "--principal", "ben", "--mode", "text").ok()
    told = shell("rag", "refresh", "notes", "--principal", "ben", "--format", "json").json()
    assert (told["changed"], told["removed"], told["unchanged"]) == (0, 1, 0)
    assert shell("rag", "show", "notes", "--principal", "ben", "--format", "json").json() == []
