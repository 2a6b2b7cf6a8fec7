"""Writes `kernwerk/verbs.json`: which verbs there are and which take a body of SQL or YAML, for what colours cells.

It is read from the reference page, which the program writes from the verbs' declarations; `make docs` makes both.
"""

import json
import re
from pathlib import Path

PYTHON = Path(__file__).resolve().parents[1]
REFERENCE = PYTHON.parent / "docs" / "magics.md"
VERBS = PYTHON / "kernwerk" / "verbs.json"

_SECTION = re.compile(r"^### (\w+) ([\w ]+)\n(.*?)(?=^##|\Z)", re.MULTILINE | re.DOTALL)
_BODY = re.compile(r"^(?:The body is|It may have a body, in) (\w+)\.$", re.MULTILINE)
_USAGE = re.compile(r"^```text\n%(.*)$", re.MULTILINE)


def verbs_of(reference: str) -> str:
    """The verbs of a reference page as JSON: by magic and verb, the languages of the body and of the rest of the line."""
    magics = {name: {} for name in re.findall(r"^## %(\w+)$", reference, re.MULTILINE)}
    for magic, verb, section in _SECTION.findall(reference):
        body = _BODY.search(section)
        languages = {"body": body[1]} if body else {}
        # A verb whose last argument is called as the language of its body takes it on the line, too.
        if body and f"[{body[1].upper()}]..." in _USAGE.search(section)[1]:
            languages["line"] = body[1]
        magics[magic][verb] = languages
    if not all(magics.values()):
        raise ValueError("the reference page has another form than this script knows: a magic in it has no verbs")
    return "{\n" + ",\n".join(f"  {json.dumps(name)}: {_lines(verbs)}" for name, verbs in magics.items()) + "\n}\n"


def _lines(verbs: dict) -> str:
    lines = [f"    {json.dumps(name)}: {json.dumps(languages)}" for name, languages in verbs.items()]
    return "{\n" + ",\n".join(lines) + "\n  }"


if __name__ == "__main__":
    VERBS.write_text(verbs_of(REFERENCE.read_text()))
