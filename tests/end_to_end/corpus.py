"""Notebooks written as texts: cells one behind the other, each with whether the target needs it. README.md in `tests/promote/corpus` says how.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path

HEADS = {"title", "topics", "target", "env", "first", "last", "publish", "prove", "when"}
# How a cell ends, where it does not end well.
ENDS = {"fails", "rejected"}


@dataclass
class Cell:
    """A cell of a case: what runs, under which identity, how it ends, and whether the target needs it."""

    text: str
    needed: bool
    end: str = ""
    id: str = ""


@dataclass
class Case:
    """A notebook, and what must become of it."""

    name: str
    title: str
    topics: list
    target: str
    # Depends on what cells of any case before did, such as all that write files.
    first: bool = False
    # Brings into scope, or changes, what cells of later cases might depend on.
    last: bool = False
    # What publishing must say: it agrees, it is refused, or it agrees but for what changes from run to run; then, words of the message.
    publish: tuple = ("agrees",)
    # Published and replayed by each run of the tests, not only by the long one.
    prove: bool = False
    # Runs in the long run alone.
    long: bool = False
    environment: dict = field(default_factory=dict)
    files: dict = field(default_factory=dict)
    cells: list = field(default_factory=list)


def read(path: Path) -> Case:
    """The case in a file. What is written in another way than README.md says is an error: a case that is misread tests nothing."""
    head, *sections = re.split(r"^--- ?(.*)\n", path.read_text(), flags=re.MULTILINE)
    said = {}
    for line in filter(None, head.splitlines()):
        key, value = line.split(":", 1)
        assert key in HEADS and (key == "env" or key not in said), f"{path.name}: {line}"
        said.setdefault(key, []).append(value.strip())
    first = {key: values[0] for key, values in said.items()}
    case = Case(path.name.removesuffix(".nb.txt"), first["title"], first["topics"].split(), first["target"])
    case.first, case.last = first.get("first") == "yes", first.get("last") == "yes"
    case.prove = first.get("prove") == "always"
    case.long = first.get("when") == "torture"
    case.publish = tuple(word.strip() for word in first.get("publish", "agrees").split("|"))
    assert case.publish[0] in ("agrees", "refused", "partly"), f"{path.name}: {case.publish}"
    case.environment = dict(line.split("=", 1) for line in said.get("env", []))
    for title, text in zip(sections[::2], sections[1::2]):
        kind, *words = title.split()
        if kind == "file":
            case.files[words[0]] = text
            continue
        assert kind in ("in", "out"), f"{path.name}: {title}"
        cell = Cell(text.rstrip("\n"), kind == "in")
        for word in words:
            if word.startswith("id="):
                cell.id = word.removeprefix("id=")
            else:
                assert word in ENDS, f"{path.name}: {title}"
                cell.end = word
        case.cells.append(cell)
    return case


def name_of(text: str) -> str:
    """A cell in one line."""
    return " ⏎ ".join(text.splitlines())[:100]


def assert_slice(case: Case, ran: dict, plan: dict):
    """The plan holds each cell that is needed, and no other, also none of the other cases."""
    missing = [f"  {number}: {name_of(cell.text)}\n     {plan[number][1]}" for number, cell in ran.items() if cell.needed and not plan[number][0]]
    too_many = [
        f"  {number}: {name_of(ran[number].text) if number in ran else 'of another case'}\n     {why}"
        for number, (kept, why) in plan.items()
        if kept and not (number in ran and ran[number].needed)
    ]
    said = ["the slice lacks:", *missing] * bool(missing) + ["the slice must not hold:", *too_many] * bool(too_many)
    assert not said, f"{case.name} ({case.title}), target `{case.target}`\n" + "\n".join(said)
