"""A hard budget holds among processes: shells, kernels and an IPython that spend at once, and some that are killed in the middle."""

import random
import threading
import time

import pytest

from house import Kernel, Shell

WORDS = "harbour ferry bridge tower tunnel market garden station river square lamp signal anchor cable".split()


def text(chance, words):
    return " ".join(chance.choices(WORDS, k=words)) + "."


def documents(shell, folder, count, words, seed):
    chance = random.Random(seed)
    for number in range(count):
        shell.write(f"{folder}/{number}.md", f"# Page {folder} {number}\n\n{text(chance, words)}\n")


def tokens_of(shell):
    """Tokens in all, as the report counts them: what was really read."""
    rows = shell("cost", "report", "--by", "model", "--format", "json").json()
    return sum(row["tokens_in"] for row in rows)


def budget(shell, number=1):
    [row] = [row for row in shell("cost", "budget", "list", "--format", "json").json() if row["budget"] == number]
    return row


@pytest.fixture
def lab(shell):
    """A corpus, and a budget that allows for some hundred short questions beyond it."""
    documents(shell, "open", 3, 40, seed=1)
    shell("rag", "ingest", "pages", "open").ok()
    return shell


def test_a_call_that_would_go_over_is_refused_before_it_runs(lab):
    spent = tokens_of(lab)
    question = "harbour ferry bridge"
    lab("cost", "budget", "set", "--limit", spent + 12, "--unit", "tokens", "--hard").ok()
    lab("rag", "search", "pages", question).ok()
    cost = tokens_of(lab) - spent
    assert 0 < cost <= 12 < 3 * cost
    while tokens_of(lab) + cost <= spent + 12:
        lab("rag", "search", "pages", question).ok()
    before = tokens_of(lab)
    lab("rag", "search", "pages", question).failed("hard budget 1", "tokens", "cost budget")
    documents(lab, "more", 30, 100, seed=2)
    lab("rag", "ingest", "pages", "more").failed("hard budget 1")
    assert tokens_of(lab) == before
    assert budget(lab)["left"] >= 0 and budget(lab)["under_way"] == 0
    # What costs nothing still works, and so does all once there is more.
    lab("rag", "search", "pages", question, "--mode", "text").ok()
    lab("cost", "budget", "set", "--limit", before + 12, "--unit", "tokens", "--hard").ok()
    lab("rag", "search", "pages", question).ok()
    lab("cost", "budget", "show", "1").ok()
    lab("cost", "budget", "remove", "1").ok()
    lab("rag", "ingest", "pages", "more").ok()
    assert lab("cost", "budget", "list", "--format", "json").json() == []


def test_a_scope_counts_its_own_calls_alone(lab):
    lab("cost", "budget", "set", "--limit", "0", "--unit", "tokens", "--hard", "--scope", "verb=rag ingest").ok()
    lab("cost", "budget", "set", "--limit", "0", "--unit", "tokens", "--hard", "--scope", "tag=nightly").ok()
    lab("rag", "search", "pages", "harbour").ok()
    documents(lab, "more", 1, 20, seed=3)
    lab("rag", "ingest", "pages", "more").failed("verb=rag ingest")
    lab("cost", "tag", "nightly").ok()
    lab("rag", "search", "pages", "harbour").failed("tag=nightly")
    lab("cost", "tag", "--remove", "nightly").ok()
    lab("rag", "search", "pages", "harbour").ok()
    with Kernel(lab.directory, {"JPY_SESSION_NAME": str(lab.directory / "a.ipynb")}) as kernel:
        kernel.run("%cost budget set --limit 0 --unit tokens --hard --scope notebook").ok()
        kernel.run("%rag search pages harbour").failed("OverBudget", "hard budget")
    lab("rag", "search", "pages", "harbour").ok()


def test_a_soft_budget_warns(lab):
    lab("cost", "budget", "set", "--limit", "0", "--unit", "tokens", "--soft").ok()
    ran = lab("rag", "search", "pages", "harbour")
    ran.ok()
    assert "soft budget 1" in ran.stderr


def test_money_is_known_or_unpriced_and_never_zero(lab):
    model = "all-MiniLM-L6-v2"
    [row] = lab("cost", "prices", "--format", "json").json()
    assert (row["model"], row["currency"], row["million_tokens_in"]) == (model, "unpriced", None)
    lab("cost", "budget", "set", "--limit", "1", "--unit", "money", "--hard").failed("currency")
    lab("cost", "budget", "set", "--limit", "1", "--unit", "money", "--currency", "EUR", "--hard").ok()
    assert budget(lab)["unpriced_calls"] == 1
    lab("rag", "search", "pages", "harbour").failed("EUR", "not known", "cost prices")
    lab("cost", "prices", model, "--tokens-in", "1000", "--currency", "EUR", "--from", "2020-01-01").ok()
    lab("cost", "prices", model, "--tokens-in", "9", "--currency", "USD", "--from", "9000-01-01").ok()
    before = tokens_of(lab)
    lab("rag", "search", "pages", "harbour").ok()
    assert budget(lab)["used"] == pytest.approx((tokens_of(lab) - before) / 1000)
    [row] = [row for row in lab("cost", "report", "--by", "verb", "--format", "json").json() if row["verb"] == "rag search"]
    assert row["cost"] == f"{(tokens_of(lab) - before) / 1000:.6f} EUR"
    [row] = [row for row in lab("cost", "report", "--by", "verb", "--format", "json").json() if row["verb"] == "rag ingest"]
    assert row["cost"] == "unpriced"
    prices = lab("cost", "prices", "--format", "json").json()
    assert [(row["from"], row["current"]) for row in prices] == [("2020-01-01", True), ("9000-01-01", False)]
    assert [(row["million_tokens_out"], row["unpriced"]) for row in prices] == [(None, "tokens_out")] * 2
    assert "\nmillion_tokens_out" not in (lab.directory / "kernwerk.toml").read_text()


def test_processes_do_not_overspend_together_and_the_killed_leave_nothing(lab):
    """Two shells, two kernels and an IPython spend at once, as fast as they can; shells are killed in the middle of their calls."""
    for spender in range(5):
        documents(lab, f"more{spender}", 12, 60, seed=10 + spender)
    spent = tokens_of(lab)
    limit = spent + 12_000
    lab("cost", "budget", "set", "--limit", limit, "--unit", "tokens", "--hard").ok()
    problems, refused, kills = [], [], []
    chance = random.Random(5)
    deadline = time.monotonic() + 120

    def spend(run, spender):
        try:
            # A corpus of its own for each round: what is known is not embedded again.
            for number in range(10_000):
                if time.monotonic() > deadline:
                    return
                answer = run(f"c{spender}n{number}", f"more{spender}")
                if answer is not None:
                    assert "hard budget 1" in answer, answer
                    refused.append(answer)
                    return
        except BaseException as problem:
            problems.append(problem)
            raise

    def in_a_shell(corpus, folder):
        ran = Shell(lab.directory)("rag", "ingest", corpus, folder)
        return ran.stderr if ran.code else None

    def in_a_kernel(spender, name):
        with Kernel(lab.directory, name=name) as kernel:
            if name == "python3":
                kernel.run("%load_ext kernwerk").ok()

            def ingest(corpus, folder):
                reply = kernel.run(f"%rag ingest {corpus} {folder}")
                return None if reply.status == "ok" else reply.text()

            spend(ingest, spender)

    def killed():
        while not refused and time.monotonic() < deadline:
            process = lab.start("rag", "ingest", f"k{len(kills)}", "more0")
            time.sleep(chance.uniform(0.1, 1.5))
            process.kill()
            process.communicate()
            kills.append(process.returncode)

    crowd = [threading.Thread(target=spend, args=(in_a_shell, spender)) for spender in range(2)]
    kernels = {2: "kernwerk", 3: "kernwerk", 4: "python3"}
    crowd += [threading.Thread(target=in_a_kernel, args=kernel) for kernel in kernels.items()]
    crowd += [threading.Thread(target=killed)]
    for member in crowd:
        member.start()
    for member in crowd:
        member.join()
    assert not problems and refused, (problems, refused)
    assert -9 in kills
    row = budget(lab)
    assert row["under_way"] == 0, "a dead process still holds a reservation"
    assert row["used"] == tokens_of(lab) <= limit
    # What is left can be spent: no one holds it.
    question = "harbour"
    while True:
        before = tokens_of(lab)
        ran = lab("rag", "search", "c0n0", question)
        if ran.code:
            break
        cost = tokens_of(lab) - before
        assert tokens_of(lab) <= limit
        if limit - tokens_of(lab) > 20 * cost:
            lab("cost", "budget", "set", "--limit", tokens_of(lab) + 3 * cost, "--unit", "tokens", "--hard").ok()
            limit = budget(lab)["limit"]
    ran.failed("hard budget 1")
    assert limit - tokens_of(lab) < 10
