"""Retrieval against others' programs: the quality of TREC runs, BM25 to the last digits in every language, and what
readers may learn.

Compared with pytrec_eval (how good a run is), bm25s (scores) and PyStemmer (stems).
"""

import random
from pathlib import Path

import pytest

from common import Lab, data, oracle

MODES = ("text", "vector", "hybrid")

# What the reference packages reach on whole documents: lucene BM25 with stemming and stop words, MiniLM, RRF of both.
# nDCG@10 and Recall@100 for each mode.
TABLE = {
    "cranfield": {"text": (0.360, 0.731), "vector": (0.374, 0.776), "hybrid": (0.405, 0.786)},
    "xquad-de": {"text": (0.942, 0.997), "vector": (0.677, 0.971), "hybrid": (0.849, 0.997)},
    "xquad-en": {"text": (0.965, 0.997), "vector": (0.942, 1.000), "hybrid": (0.971, 1.000)},
}
BELOW = 0.01

# Letters that make the endings of each language, so that invented words give its stemmer something to do.
LETTERS = {
    "ar": "اتنويهلمكبسف",
    "ca": "aeiosrntmdlç",
    "cs": "aeiouyáíéůmhtnvk",
    "da": "aedensrtkgøl",
    "de": "aeinrstulcgük",
    "el": "αειουσνςτκματ",
    "en": "aeilnosydtgr",
    "eo": "aeiojnstlrm",
    "es": "aeiosrndmtó",
    "et": "aeilstdmkun",
    "eu": "aeirtknzuo",
    "fa": "اتنهمیدربش",
    "fi": "aäinstlksue",
    "fr": "aeinstromé",
    "ga": "bhmaighc",
    "hi": "ािीेंोनतकलरय",
    "hu": "aeéknbtloá",
    "hy": "աեիներցում",
    "id": "anikulmp",
    "it": "aeiotnrmlà",
    "lt": "aeiosuėmtk",
    "ne": "कोलेमा",
    "nl": "aeinrstdgj",
    "no": "aedentrskl",
    "pl": "aeiowychmął",
    "pt": "aeiosrmndã",
    "ro": "aeiutlorcă",
    "ru": "аеийотынмсях",
    "sr": "aeiomujhgtn",
    "st": "aeilngokth",
    "sv": "aedenrstlk",
    "ta": "கதநமலாிுவர்",
    "tr": "aeilrndmkız",
    "yi": "אעיןסטונדל",
}
# The names that PyStemmer has for them.
STEMMERS = {
    "ar": "arabic", "ca": "catalan", "cs": "czech", "da": "danish", "de": "german", "el": "greek", "en": "english",
    "eo": "esperanto", "es": "spanish", "et": "estonian", "eu": "basque", "fa": "persian", "fi": "finnish", "fr": "french",
    "ga": "irish", "hi": "hindi", "hu": "hungarian", "hy": "armenian", "id": "indonesian", "it": "italian",
    "lt": "lithuanian", "ne": "nepali", "nl": "dutch", "no": "norwegian", "pl": "polish", "pt": "portuguese",
    "ro": "romanian", "ru": "russian", "sr": "serbian", "st": "sesotho", "sv": "swedish", "ta": "tamil", "tr": "turkish",
    "yi": "yiddish",
}  # fmt: skip


@pytest.fixture
def lab(tmp_path):
    return Lab(tmp_path)


@pytest.fixture(scope="module")
def shared_lab(tmp_path_factory):
    """One lab for all measured collections: embedding takes its time."""
    return Lab(tmp_path_factory.mktemp("lab"))


def judgements(directory: Path) -> dict[str, dict[str, int]]:
    judged: dict[str, dict[str, int]] = {}
    for line in (directory / "qrels.tsv").read_text().splitlines()[1:]:
        query, document, gain = line.split("\t")
        judged.setdefault(query, {})[document] = int(gain)
    return judged


def quality(run, judged) -> tuple[float, float]:
    """Mean nDCG@10 and Recall@100 over all judged queries; one without an answer counts as 0."""
    evaluator = oracle("pytrec_eval").RelevanceEvaluator(judged, {"ndcg_cut.10", "recall.100"})
    measured = evaluator.evaluate(run)
    mean = lambda name: sum(query[name] for query in measured.values()) / len(judged)  # noqa: E731
    return mean("ndcg_cut_10"), mean("recall_100")


@pytest.mark.parametrize("collection", TABLE)
def test_runs_are_as_good_as_the_reference(shared_lab, collection):
    """In no cell more than 0.01 below the table."""
    directory = data(collection)
    shared_lab("rag", "ingest", collection, directory / "corpus.jsonl")
    judged = judgements(directory)
    found = {}
    for mode in MODES:
        run = shared_lab.search(collection, directory / "queries.jsonl", mode)
        assert all(len(documents) <= 1000 for documents in run.values())
        found[mode] = quality(run, judged)
    print(collection, {mode: tuple(round(value, 3) for value in values) for mode, values in found.items()})
    for mode, (gain, recall) in TABLE[collection].items():
        assert found[mode][0] >= gain - BELOW, (mode, found)
        assert found[mode][1] >= recall - BELOW, (mode, found)


def test_documents_without_text_are_counted_and_told(shared_lab):
    corpus = data("cranfield") / "corpus.jsonl"
    told = shared_lab("rag", "ingest", "cranfield", corpus)
    assert "471" in told and "995" in told, told
    rows = {row["corpus"]: row for row in shared_lab.json("rag", "list")}
    assert rows["cranfield"]["documents"] == 1400


def invented(letters: str, stem, seed: int) -> list[tuple[str, str]]:
    """Pairs of different words of these letters that have a stem in common; long enough to be no stop words."""
    chance = random.Random(seed)
    # Signs for vowels begin no word.
    first = [letter for letter in letters if letter.isalpha()]
    pairs = []
    while len(pairs) < 30:
        root = chance.choice(first) + "".join(chance.choices(letters, k=chance.randint(3, 5)))
        forms: dict[str, set[str]] = {}
        for _ in range(60):
            word = root + "".join(chance.choices(letters, k=chance.randint(1, 3)))
            forms.setdefault(stem(word), set()).add(word)
        same = [sorted(words) for words in forms.values() if len(words) > 1]
        pairs += [(words[0], words[-1]) for words in same[:3]]
    return pairs


def expected(documents: dict[str, list[str]], query: list[str]) -> dict[str, float]:
    """BM25 by bm25s of the documents that have terms of the query."""
    bm25s = oracle("bm25s")
    index = bm25s.BM25(method="lucene", k1=1.2, b=0.75, dtype="float64")
    index.index(list(documents.values()), show_progress=False)
    known = [term for term in query if any(term in terms for terms in documents.values())]
    if not known:
        return {}
    scores = index.get_scores(known)
    return {document: float(score) for document, score in zip(documents, scores) if score > 0}


def assert_close(found: dict[str, float], wanted: dict[str, float]):
    assert found.keys() == wanted.keys()
    for document, score in wanted.items():
        assert abs(found[document] - score) <= 1e-6 * max(1.0, score), (document, found[document], score)


@pytest.mark.parametrize("language", LETTERS)
def test_scores_equal_bm25s_over_stems_of_pystemmer(shared_lab, language):
    """Documents of invented words in every language with a Snowball stemmer."""
    stemmer = oracle("Stemmer").Stemmer(STEMMERS[language])
    pairs = invented(LETTERS[language], stemmer.stemWord, seed=7)
    chance = random.Random(11)
    # The queries have the other forms of the words.
    documents = {f"d{n}": [one for one, _ in chance.choices(pairs, k=chance.randint(1, 12))] for n in range(24)}
    queries = {f"q{n}": [other for _, other in chance.choices(pairs, k=3)] for n in range(20)}
    queries["again"] = [pairs[0][1], pairs[0][1], pairs[1][1]]
    records = lambda of: ({"_id": name, "text": " ".join(terms)} for name, terms in of.items())  # noqa: E731
    corpus = f"invented-{language}"
    shared_lab("rag", "ingest", corpus, "--lang", language, shared_lab.write("corpus.jsonl", records(documents)))
    run = shared_lab.search(corpus, shared_lab.write("queries.jsonl", records(queries)), "text")
    stemmed = {name: stemmer.stemWords(terms) for name, terms in documents.items()}
    for name, terms in queries.items():
        assert_close(run.get(name, {}), expected(stemmed, stemmer.stemWords(terms)))


GERMAN = {
    "1": "Die Seilbahn fährt bis zur Bergstation; der Wind ist oben stärker.",
    "2": "Seilbahnen fahren bei starkem Wind nicht.",
    "3": "Der Fahrplan der Seilbahn und der Züge: 12 Fahrten am Tag, im Winter 8.",
    "4": "Die Züge sind zu spät.",
    "5": "Oben und unten.",
}
STOP_WORDS = {"die", "der", "bis", "zur", "ist", "bei", "nicht", "und", "am", "im", "sind", "zu"}


def german_terms(text: str) -> list[str]:
    words = "".join(character if character.isalnum() else " " for character in text.lower()).split()
    return oracle("Stemmer").Stemmer("german").stemWords([word for word in words if word not in STOP_WORDS])


@pytest.mark.parametrize("query", ["Seilbahn", "fahrende Züge im Wind", "12 Fahrten", "die Seilbahn und die Seilbahnen"])
def test_scores_of_german_sentences_equal_bm25s(lab, query):
    records = ({"_id": name, "title": "", "text": text} for name, text in GERMAN.items())
    lab("rag", "ingest", "german", "--lang", "german", lab.write("corpus.jsonl", records))
    hits = lab.json("rag", "search", "german", query, "--mode", "text", "-k", "100")
    wanted = expected({name: german_terms(text) for name, text in GERMAN.items()}, german_terms(query))
    assert wanted
    assert_close({hit["doc_id"]: hit["score"] for hit in hits}, wanted)
    # The best first, and among equals the greater id.
    order = sorted(hits, key=lambda hit: (hit["score"], hit["doc_id"]), reverse=True)
    assert hits == order and [hit["rank"] for hit in hits] == list(range(1, len(hits) + 1))


def test_a_second_ingest_of_the_same_file_embeds_nothing(lab):
    corpus = lab.write("corpus.jsonl", ({"_id": name, "text": text} for name, text in GERMAN.items()))

    def model_calls():
        return [row for row in lab.json("cost", "report", "--by", "verb") if row["verb"] == "rag ingest"]

    lab("rag", "ingest", "twice", corpus)
    calls, listed = model_calls(), lab.json("rag", "list")
    assert len(calls) == 1 and listed[0]["version"] == 1
    lab("rag", "ingest", "twice", corpus)
    assert model_calls() == calls
    assert lab.json("rag", "list") == listed


OPEN = {
    "a": "harbour ferry timetable",
    "b": "ferry tickets and harbour fees for small boats",
    "c": "tower bridge opening hours",
}
SECRET = {
    "x": "harbour harbour ferry accident report",
    "y": "salaries of the bridge keepers and of the ferry crews in the tower",
}


PRINCIPALS = """
[principals.anna]
[principals.bo]
groups = ["crew"]
[principals.eve]
groups = ["staff"]
"""


def english_terms(texts: dict[str, str]) -> dict[str, list[str]]:
    stems = oracle("Stemmer").Stemmer("english").stemWords
    stop_words = {"and", "for", "of", "the", "in"}
    return {name: stems([word for word in text.split() if word not in stop_words]) for name, text in texts.items()}


def test_nobody_learns_of_rows_they_may_not_read(lab):
    """Neither hits nor scores, ranks, counts or runs differ from those of a corpus without the secret rows."""
    records = lambda of: ({"_id": name, "text": text} for name, text in of.items())  # noqa: E731
    open_file, secret_file = lab.write("open.jsonl", records(OPEN)), lab.write("secret.jsonl", records(SECRET))
    (lab.directory / "kernwerk.toml").write_text(PRINCIPALS)
    lab("rag", "ingest", "without", "--lang", "en", open_file)
    lab("rag", "ingest", "with", "--lang", "en", open_file)
    lab("rag", "ingest", "with", "--lang", "en", "--readers", "user:anna,group:crew", secret_file)
    queries = lab.write("queries.jsonl", records({"1": "harbour ferry", "2": "salaries", "3": "tower bridge report"}))

    def told(corpus, who):
        searches = [
            lab.json("rag", "search", corpus, query, "--mode", mode, principal=who)
            for query, mode in zip(("harbour ferry", "bridge salaries", "harbour salaries"), MODES)
        ]
        counts = [
            (row["documents"], row["chunks"], row["languages"])
            for row in lab.json("rag", "list", principal=who)
            if row["corpus"] == corpus
        ]
        return searches, counts, [lab.search(corpus, queries, mode, principal=who) for mode in MODES]

    for stranger in (None, "eve"):
        assert told("with", stranger) == told("without", stranger)
    for who, readable in ((None, OPEN), ("eve", OPEN), ("anna", OPEN | SECRET), ("bo", OPEN | SECRET)):
        hits = lab.json("rag", "search", "with", "harbour ferry", "--mode", "text", principal=who)
        wanted = expected(english_terms(readable), english_terms({"query": "harbour ferry"})["query"])
        assert_close({hit["doc_id"]: hit["score"] for hit in hits}, wanted)
        rows = {row["corpus"]: row["documents"] for row in lab.json("rag", "list", principal=who)}
        assert rows["with"] == len(readable)
