"""Evaluation against others' programs: metrics, intervals and tests, and how a shell is told of a gate.

Compared with pytrec_eval (rankings), SQuAD's official definition written once more (answers) and scipy (intervals, p-values).
"""

import collections
import json
import math
import random
import re
import string

import pytest

from common import REQUIRED, Lab, data, oracle, run_of

CLOSE = 1e-6

# Our names and those of pytrec_eval.
RANKED = {
    "ndcg@1": "ndcg_cut_1", "ndcg@3": "ndcg_cut_3", "ndcg@10": "ndcg_cut_10",
    "recall@1": "recall_1", "recall@10": "recall_10", "recall@100": "recall_100",
    "p@1": "P_1", "p@10": "P_10", "mrr": "recip_rank",
}  # fmt: skip
MEASURES = {"ndcg_cut.1,3,10", "recall.1,10,100", "P.1,10", "recip_rank"}

hypothesis = pytest.importorskip("hypothesis") if not REQUIRED else __import__("hypothesis")
HealthCheck, given, settings, st = hypothesis.HealthCheck, hypothesis.given, hypothesis.settings, hypothesis.strategies


class EvalLab(Lab):
    """A lab with runs and suites."""

    def run(self, name: str, found: dict[str, dict[str, float]]):
        """A TREC run. The ranks are not those of the scores, which alone count."""
        lines = []
        for query, documents in found.items():
            lines += [f"{query} Q0 {document} {n} {score!r} x" for n, (document, score) in enumerate(documents.items())]
        (self.directory / name).write_text("".join(line + "\n" for line in lines), encoding="utf-8")
        return name

    def suite(self, name: str, target: str, metrics, golden="golden", thresholds="{}", seed=0):
        self("eval", "suite", "define", name, body=(
            f"target: {target}\ngolden: {golden}\nmetrics: [{', '.join(metrics)}]\nthresholds: {thresholds}\nseed: {seed}"
        ))  # fmt: skip

    def measured(self, suite: str):
        """Runs a suite: the rows of the means by metric, and those of the questions by query."""
        means = {row["metric"]: row for row in self.json("eval", "run", suite)}
        scores = {row["query"]: row for row in self.json("eval", "report", suite, "--questions")}
        return means, scores


@pytest.fixture
def lab(tmp_path):
    return EvalLab(tmp_path)


@pytest.fixture(scope="module")
def shared_lab(tmp_path_factory):
    """One lab for all examples that hypothesis makes, and for the collections."""
    return EvalLab(tmp_path_factory.mktemp("lab"))


EXAMPLES = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], print_blob=True
)


# Rankings


def documents():
    """Names whose order is easily got wrong: by bytes, not by letters, numbers or length."""
    return st.sampled_from(["1", "2", "10", "a", "A", "ab", "B", "_", "é", "z", "Z9", "ß", "中", "d-1", "d-10"])


def scores():
    # Few different ones, so that there are ties; some differ in double precision only, and 0 has two signs.
    few = [0.0, -0.0, 1.0, 1.0 + 1e-12, 1.0 - 1e-12, 0.5, -3.25, 1e-30, 12345.678, 12345.6781]
    return st.one_of(st.sampled_from(few), st.floats(-1e6, 1e6, allow_nan=False))


def questions():
    gains = st.sampled_from([0, 0, 0, 1, 1, 2, 3, 7])
    judged = st.dictionaries(documents(), gains, min_size=1, max_size=9)
    return st.lists(st.tuples(judged, st.dictionaries(documents(), scores(), max_size=12)), min_size=1, max_size=10)


@EXAMPLES
@given(asked=questions(), unjudged=st.booleans())
def test_rankings_equal_pytrec_eval(shared_lab, asked, unjudged):
    """Ties, unjudged documents, questions with nothing relevant or nothing found, and graded gains."""
    judged = {f"q{n}": gains for n, (gains, _) in enumerate(asked)}
    found = {f"q{n}": documents for n, (_, documents) in enumerate(asked)}
    rows = [{"_id": query, "question": "?", "relevant": gains} for query, gains in judged.items()]
    if unjudged:
        rows.append({"_id": "unjudged", "question": "?", "answers": ["x"]})
        found = {"unjudged": {"a": 1.0}, **found}
    shared_lab("eval", "golden", "import", "golden", shared_lab.write("golden.jsonl", rows))
    shared_lab.run("run.trec", found)
    shared_lab.suite("ranked", "{run: run.trec}", RANKED)
    means, by_query = shared_lab.measured("ranked")
    wanted = oracle("pytrec_eval").RelevanceEvaluator(judged, MEASURES).evaluate(found)
    for ours, theirs in RANKED.items():
        for query in judged:
            assert math.isclose(by_query[query][ours], wanted[query][theirs], abs_tol=CLOSE), (query, ours)
        mean = sum(wanted[query][theirs] for query in judged) / len(judged)
        assert math.isclose(means[ours]["mean"], mean, abs_tol=CLOSE), ours
        assert (means[ours]["measured"], means[ours]["questions"]) == (len(judged), len(rows))
    if unjudged:
        assert all(by_query["unjudged"][name] is None for name in RANKED)


@pytest.mark.parametrize("collection", ["cranfield", "xquad-de"])
def test_real_judgements_equal_pytrec_eval(lab, collection):
    """Graded gains of 225 questions and single ones of 1,190, with a run that finds some of them."""
    directory = data(collection)
    judged: dict[str, dict[str, int]] = {}
    for line in (directory / "qrels.tsv").read_text().splitlines()[1:]:
        query, document, gain = line.split("\t")
        judged.setdefault(query, {})[document] = int(gain)
    names = [json.loads(line)["_id"] for line in (directory / "corpus.jsonl").read_text().splitlines()]
    chance = random.Random(3)
    found = {}
    for query, gains in judged.items():
        some = chance.sample(names, 40) + [document for document in gains if chance.random() < 0.5]
        found[query] = {document: round(chance.random(), 1) for document in some}
    told = lab.json("eval", "golden", "import", "golden", directory)
    assert told["with judged documents"] == len(judged)
    assert told["judged documents"] == sum(map(len, judged.values()))
    lab.run("run.trec", found)
    lab.suite("ranked", "{run: run.trec}", RANKED)
    _, by_query = lab.measured("ranked")
    wanted = oracle("pytrec_eval").RelevanceEvaluator(judged, MEASURES).evaluate(found)
    for query in judged:
        for ours, theirs in RANKED.items():
            assert math.isclose(by_query[query][ours], wanted[query][theirs], abs_tol=CLOSE), (query, ours)


# Answers


def normalize_answer(text):
    """As in evaluate-v2.0.py of SQuAD: lower case, no ASCII punctuation, no a, an and the, single blanks."""
    text = "".join(character for character in text.lower() if character not in set(string.punctuation))
    text = re.compile(r"\b(a|an|the)\b", re.UNICODE).sub(" ", text)
    return " ".join(text.split())


def reference_scores(wanted, answer):
    """Exact match and F1 as evaluate-v2.0.py has them."""

    def tokens(text):
        return normalize_answer(text).split() if text else []

    def f1(wanted):
        gold, predicted = tokens(wanted), tokens(answer)
        common = collections.Counter(gold) & collections.Counter(predicted)
        same = sum(common.values())
        if not gold or not predicted:
            return float(gold == predicted)
        if same == 0:
            return 0.0
        precision, recall = same / len(predicted), same / len(gold)
        return 2 * precision * recall / (precision + recall)

    wanted = [text for text in wanted if normalize_answer(text)] or [""]
    exact = max(float(normalize_answer(text) == normalize_answer(answer)) for text in wanted)
    return exact, max(f1(text) for text in wanted)


def phrases():
    words = ["a", "an", "the", "The", "A", "der", "die", "Das", "Straße", "STRASSE", "Ärzte", "äpfel", "A\u0308pfel", "U.S.",
             "don't", "l'a", "24", "½", "a-b", "the_", "Ⓐ", "İ", "ΟΔΟΣ", "中", "x²"]  # fmt: skip
    joints = [" ", "  ", "\t", "\n", "-", ", ", ".", "…", "–", "\u00a0", "\u001f", "\u0085", "\u3000", "„", ""]
    parts = st.tuples(st.sampled_from(words), st.sampled_from(joints))
    return st.lists(parts, max_size=6).map(lambda parts: "".join(word + joint for word, joint in parts))


@EXAMPLES
@given(asked=st.lists(st.tuples(st.lists(phrases(), max_size=3), st.none() | phrases()), min_size=1, max_size=12))
def test_answers_equal_the_definition_of_squad(shared_lab, asked):
    """Umlauts and eszett, articles of both languages, punctuation of ASCII and beyond, blanks of all kinds, no answers."""
    rows = [{"_id": f"q{n}", "question": "?", "answers": wanted} for n, (wanted, _) in enumerate(asked)]
    answers = [{"_id": f"q{n}", "answer": answer} for n, (_, answer) in enumerate(asked) if answer is not None]
    shared_lab("eval", "golden", "import", "golden", shared_lab.write("golden.jsonl", rows))
    shared_lab.write("answers.jsonl", answers)
    shared_lab.suite("answered", "{answers: answers.jsonl}", ["exact_match", "token_f1"])
    _, by_query = shared_lab.measured("answered")
    for n, (wanted, answer) in enumerate(asked):
        exact, f1 = reference_scores(wanted, answer or "")
        row = by_query[f"q{n}"]
        assert row["exact_match"] == exact, (wanted, answer)
        assert math.isclose(row["token_f1"], f1, abs_tol=CLOSE), (wanted, answer)


@pytest.mark.parametrize("collection", ["xquad-en", "xquad-de"])
def test_real_answers_equal_the_definition_of_squad(lab, collection):
    """Spans of the paragraphs in place of answers, some of them right, for 1,190 questions each in English and German."""
    directory = data(collection)
    texts = {row["_id"]: row["text"] for row in map(json.loads, (directory / "corpus.jsonl").read_text().splitlines())}
    rows = [json.loads(line) for line in (directory / "queries.jsonl").read_text().splitlines()]
    places = dict(line.split("\t")[:2] for line in (directory / "qrels.tsv").read_text().splitlines()[1:])
    chance = random.Random(5)
    answers = {}
    for row in rows:
        words, right = texts[places[row["_id"]]].split(), row["answers"][0].split()
        near = [index for index, word in enumerate(words) if right[0] in word] or [0]
        start = max(0, chance.choice(near) - chance.randint(0, 1))
        answers[row["_id"]] = " ".join(words[start : start + len(right) + chance.randint(0, 2)])
    told = lab.json("eval", "golden", "import", "golden", directory)
    assert told["with answers"] == len(rows) == 1190
    lab.write("answers.jsonl", ({"_id": query, "answer": answer} for query, answer in answers.items()))
    lab.suite("answered", "{answers: answers.jsonl}", ["exact_match", "token_f1"])
    means, by_query = lab.measured("answered")
    wanted = {row["_id"]: reference_scores(row["answers"], answers[row["_id"]]) for row in rows}
    for query, (exact, f1) in wanted.items():
        assert by_query[query]["exact_match"] == exact
        assert math.isclose(by_query[query]["token_f1"], f1, abs_tol=CLOSE)
    for place, name in enumerate(("exact_match", "token_f1")):
        mean = sum(scores[place] for scores in wanted.values()) / len(wanted)
        assert 0.1 < mean < 0.9 and math.isclose(means[name]["mean"], mean, abs_tol=CLOSE)


# Statistics

# Where the one relevant document stands, so that the reciprocal ranks are known.
RANKS = {"one": [1, 1, 2, 1, 4, 1, 0, 3, 1, 2] * 6, "other": [1, 2, 2, 1, 1, 1, 5, 1, 1, 1] * 6}


def rank_suites(lab, ranks):
    """A suite for each list of ranks (0 for never found), over the same questions."""
    count = len(next(iter(ranks.values())))
    rows = [{"_id": f"q{n}", "question": "?", "relevant": ["right"]} for n in range(count)]
    lab("eval", "golden", "import", "golden", lab.write("golden.jsonl", rows))
    for name, places in ranks.items():
        found = {}
        for n, place in enumerate(places):
            found[f"q{n}"] = {("right" if at == place else f"wrong{at}"): 10.0 - at for at in range(1, 7)}
        lab.run(f"{name}.trec", found)
        lab.suite(name, f"{{run: {name}.trec}}", ["mrr"])
        lab("eval", "run", name)
    return {name: [1 / place if place else 0.0 for place in places] for name, places in ranks.items()}


def test_intervals_equal_those_of_scipy(lab):
    """BCa of the mean. With 10,000 resamples an end is known to about 0.007 of its place among them; means of few different
    values jump there, so the ends of scipy's slightly narrower and wider intervals are the bounds."""
    stats, numpy = oracle("scipy.stats"), oracle("numpy")
    values = rank_suites(lab, RANKS)
    for name, scores in values.items():
        row = lab.json("eval", "report", name)[0]
        narrow, wide = (
            stats.bootstrap(
                (numpy.array(scores),), numpy.mean, confidence_level=level, n_resamples=100_000, method="BCa",
                batch=1000, rng=numpy.random.default_rng(1),
            ).confidence_interval
            for level in (0.936, 0.964)
        )  # fmt: skip
        assert math.isclose(row["mean"], sum(scores) / len(scores), abs_tol=1e-12)
        assert wide.low - 1e-9 <= row["low"] <= narrow.low + 1e-9, name
        assert narrow.high - 1e-9 <= row["high"] <= wide.high + 1e-9, name


def test_a_run_gives_the_same_numbers_again_and_another_seed_others(lab):
    rank_suites(lab, RANKS)
    first, second = lab.json("eval", "run", "one"), lab.json("eval", "run", "one")
    assert first == second
    lab.suite("one", "{run: one.trec}", ["mrr"], seed=1)
    third = lab.json("eval", "run", "one")
    assert third[0]["mean"] == first[0]["mean"] and third[0]["low"] != first[0]["low"]


@pytest.mark.parametrize("count", [8, 60])
def test_comparisons_equal_scipy(lab, count):
    """Few questions are counted out by both; for many the p-values are estimates."""
    stats, numpy = oracle("scipy.stats"), oracle("numpy")
    values = rank_suites(lab, {name: ranks[:count] for name, ranks in RANKS.items()})
    one, other = numpy.array(values["one"]), numpy.array(values["other"])
    row = lab.json("eval", "compare", "one", "other")[0]
    assert row["paired"] == count
    assert math.isclose(row["one"], one.mean(), abs_tol=1e-12)
    assert math.isclose(row["difference"], (other - one).mean(), abs_tol=1e-12)
    options = {"permutation_type": "samples", "rng": numpy.random.default_rng(1)}
    wanted = stats.permutation_test(
        (other, one), lambda left, right: numpy.mean(left - right), vectorized=False, n_resamples=20_000, **options
    ).pvalue
    assert math.isclose(row["p"], wanted, abs_tol=1e-12 if count == 8 else 0.02)
    spread = (other - one).std(ddof=1) / math.sqrt(count)
    least = (stats.norm.ppf(0.975) + stats.norm.ppf(0.8)) * spread
    assert math.isclose(row["detectable"], least, rel_tol=1e-9)
    back = lab.json("eval", "compare", "other", "one")[0]
    assert math.isclose(back["difference"], -row["difference"], abs_tol=1e-12)


# The whole way: a corpus, a suite, a gate


@pytest.fixture(scope="module")
def measured_lab(tmp_path_factory):
    """A corpus of 240 German paragraphs with 1,190 questions."""
    lab = EvalLab(tmp_path_factory.mktemp("measured"))
    directory = data("xquad-de")
    lab("rag", "ingest", "paragraphs", directory / "corpus.jsonl")
    lab("eval", "golden", "import", "golden", directory)
    return lab


def test_a_suite_measures_what_a_search_finds(measured_lab):
    """The scores of a suite are those that pytrec_eval gives to the run of the same search."""
    lab, directory = measured_lab, data("xquad-de")
    lab("rag", "search", "paragraphs", "--mode", "text", "-k", "100", "--queries", directory / "queries.jsonl", "--run", "a.trec")
    found = run_of((lab.directory / "a.trec").read_text())
    judged: dict[str, dict[str, int]] = {}
    for line in (directory / "qrels.tsv").read_text().splitlines()[1:]:
        query, document, gain = line.split("\t")
        judged.setdefault(query, {})[document] = int(gain)
    lab.suite("words", "{corpus: paragraphs, mode: text, k: 100}", RANKED)
    _, by_query = lab.measured("words")
    wanted = oracle("pytrec_eval").RelevanceEvaluator(judged, MEASURES).evaluate(found)
    for query in judged:
        for ours, theirs in RANKED.items():
            # What a run has no line for was not found.
            value = wanted.get(query, {}).get(theirs, 0.0)
            assert math.isclose(by_query[query][ours], value, abs_tol=CLOSE), (query, ours)


def test_a_gate_tells_the_shell_what_it_found(measured_lab):
    """0 only for pass; fail is 1; what was never measured, is out of date, or cannot be measured is 2."""
    lab = measured_lab
    metrics = ["ndcg@10", "recall@100"]

    def gate(thresholds, metrics=metrics, run=True):
        lab.suite("gated", "{corpus: paragraphs, mode: text}", metrics, thresholds=thresholds)
        if run:
            lab("eval", "run", "gated")
        return lab.attempt("eval", "gate", "gated")

    code, said, _ = gate("{ndcg@10: 0.5}", run=False)
    assert code == 2 and "unmeasured: it was never measured" in said
    code, said, _ = gate("{ndcg@10: 0.5, recall@100: {mean: 0.9, low: 0.9}}")
    assert code == 0 and "gated: pass" in said
    code, said, _ = gate("{ndcg@10: 0.999, recall@100: 0.9}")
    assert code == 1 and "gated: fail" in said
    # The suite changed, and was not measured again.
    code, said, _ = gate("{ndcg@10: 0.5}", run=False)
    assert code == 2 and "the suite is at version" in said
    # A search gives no answers; one that fails outweighs one that was not measured.
    code, said, _ = gate("{exact_match: 0.1, ndcg@10: 0.5}", metrics=[*metrics, "exact_match"])
    assert code == 2 and "exact_match" in said and "unmeasured" in said
    code, _, _ = gate("{exact_match: 0.1, ndcg@10: 0.999}", metrics=[*metrics, "exact_match"])
    assert code == 1
    code, said, heard = gate("{}")
    assert code == 2 and not said and "has no thresholds" in heard


def test_a_gate_refuses_a_run_of_what_was(lab):
    """Of an older corpus, golden set or file; and takes it again when the content is the same again."""
    texts = {"a": "the cable car runs in strong wind", "b": "bread and butter", "c": "the ferry to the harbour"}
    documents = lambda names: ({"_id": name, "text": texts[name]} for name in names)  # noqa: E731
    rows = [{"_id": "1", "question": "cable car", "relevant": ["a"]}, {"_id": "2", "question": "harbour", "relevant": ["c"]}]
    lab("rag", "ingest", "small", lab.write("corpus.jsonl", documents("abc")))
    lab("eval", "golden", "import", "golden", lab.write("golden.jsonl", rows))
    lab.suite("gated", "{corpus: small, mode: text}", ["mrr"], thresholds="{mrr: 0.9}")

    def gate():
        code, said, _ = lab.attempt("eval", "gate", "gated")
        return code, said

    lab("eval", "run", "gated")
    assert gate()[0] == 0
    lab("rag", "ingest", "small", lab.write("corpus.jsonl", documents("ab")))
    code, said = gate()
    assert code == 2 and "corpus `small`" in said
    lab("eval", "run", "gated")
    code, said = gate()
    assert code == 1 and "gated: fail" in said
    # Everything as it was when it passed: but the latest run is of other documents.
    lab("rag", "ingest", "small", lab.write("corpus.jsonl", documents("abc")))
    assert gate()[0] == 2
    lab("eval", "run", "gated")
    assert gate()[0] == 0
    lab("eval", "golden", "import", "golden", lab.write("golden.jsonl", rows[:1]))
    code, said = gate()
    assert code == 2 and "golden set `golden`" in said
    # The same content again is what was measured.
    lab("eval", "golden", "import", "golden", lab.write("golden.jsonl", rows))
    assert gate()[0] == 0
    lab.run("run.trec", {"1": {"a": 1.0}})
    lab.suite("gated", "{run: run.trec}", ["mrr"], thresholds="{mrr: 0.5}")
    lab("eval", "run", "gated")
    assert gate()[0] == 0
    lab.run("run.trec", {"1": {"b": 1.0}})
    code, said = gate()
    assert code == 2 and "file `run.trec`" in said


def test_a_publication_asks_the_gate(lab):
    """In a notebook's cells: refused while the suite is not measured and where it fails, taken where it passes."""
    lab.write("corpus.jsonl", [{"_id": "a", "text": "the cable car"}, {"_id": "b", "text": "the ferry"}])
    lab.write("golden.jsonl", [{"question": "cable car", "relevant": ["a"]}, {"question": "cable", "relevant": ["b"]}])

    def suite(least):
        target, metrics = "target: {corpus: small, mode: text}", "metrics: [mrr]"
        return f"%%eval suite define gated\n{target}\ngolden: golden\n{metrics}\nthresholds: {{mrr: {least}}}"

    publish = "%promote publish found --target hits --gate gated"
    cells = [
        "%rag ingest small corpus.jsonl", "%rag search small cable --mode text -> hits", "%eval golden import golden golden.jsonl",
        suite(0.5), publish, "%eval run gated", publish, suite(0.6), "%eval run gated", publish,
    ]  # fmt: skip
    numbered = [{"ordinal": n, "source": cell, "may_fail": cell == publish} for n, cell in enumerate(cells, 1)]
    place = str(lab.directory)
    request = {"directory": place, "lab": place, "principal": None, "pins": [], "cells": numbered, "surroundings": {"threads": 1}}
    said = lab("run-cells", body=json.dumps(request) + "\n")
    outcomes = {outcome["ordinal"]: outcome for outcome in map(json.loads, said.splitlines()[: len(cells)])}

    def words(ordinal):
        return "".join(bytes(output["bytes"]).decode() for output in outcomes[ordinal]["outputs"])

    statuses = [outcomes[n]["status"] for n in range(1, len(cells) + 1)]
    assert statuses == ["ok"] * 4 + ["error", "ok", "ok", "ok", "ok", "error"]
    assert "is unmeasured: it was never measured" in words(5)
    assert "gate `gated` fails: the mean of mrr is 0.5000, at least 0.6 is wanted" in words(10)
    assert [path.name for path in (lab.directory / "pipelines" / "found").iterdir()] == ["1"]
    attested = json.loads((lab.directory / "pipelines" / "found" / "1" / "attestations" / "gates.json").read_text())["gates"]
    attested = [gate["detail"] for gate in attested if gate["gate"] == "gated"]
    assert [(gate["suite"], gate["state"], gate["run"]) for gate in attested] == [("gated", "pass", "gated@1")]
    assert attested[0]["thresholds"] == [{"metric": "mrr", "of": "mean", "least": 0.5, "value": 0.5, "state": "pass"}]
    assert {basis["resource"] for basis in attested[0]["basis"]} == {"suite", "table", "corpus"}
    lab("promote", "verify", "found@1")


PRINCIPALS = """
[principals.anna]
groups = ["crew"]
[principals.bo]
"""


def test_runs_are_for_whom_they_were_measured(lab):
    """Scores tell of documents: nobody else sees a run, nor how many there are."""
    (lab.directory / "kernwerk.toml").write_text(PRINCIPALS)
    secret = [{"_id": "x", "text": "the ferry accident report"}]
    lab("rag", "ingest", "crewed", "--readers", "group:crew", lab.write("secret.jsonl", secret))
    lab("rag", "ingest", "crewed", lab.write("open.jsonl", [{"_id": "y", "text": "bread and butter"}]))
    rows = [{"_id": "1", "question": "ferry accident", "relevant": ["x"]}]
    lab("eval", "golden", "import", "golden", lab.write("golden.jsonl", rows))
    lab.suite("secret", "{corpus: crewed, mode: text}", ["mrr"], thresholds="{mrr: 0.5}")
    assert lab.json("eval", "run", "secret", principal="anna")[0]["mean"] == 1.0
    assert lab.attempt("eval", "gate", "secret", principal="anna")[0] == 0
    for stranger in (None, "bo"):
        before = lab.json("eval", "report", principal=stranger)
        assert all(row["run"] is None and row["mean"] is None for row in before)
        for words in (["report", "secret"], ["report", "secret@1"], ["compare", "secret", "secret@1"]):
            code, said, heard = lab.attempt("eval", *words, principal=stranger)
            assert code == 2 and not said and "never measured" in heard
        code, said, _ = lab.attempt("eval", "gate", "secret", principal=stranger)
        assert code == 2 and "never measured" in said
        assert lab.json("eval", "run", "secret", principal=stranger)[0]["mean"] == 0.0
        assert lab.attempt("eval", "gate", "secret", principal=stranger)[0] == 1
    assert [row["run"] for row in lab.json("eval", "report", principal="bo")] == [1]
    # Who has lost the group has lost the run.
    (lab.directory / "kernwerk.toml").write_text(PRINCIPALS.replace('groups = ["crew"]', ""))
    code, said, _ = lab.attempt("eval", "gate", "secret", principal="anna")
    assert code == 2 and "never measured" in said
