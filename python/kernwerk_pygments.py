"""Pygments' lexers for cells with magics: `kernwerk` for those of the kernel, `kernwerk-ipython` for those of IPython.

A module of its own: Pygments loads the lexers of all packages to find one by name, and the package `kernwerk` is heavy.

The lines that are magics are those of magics/lang/src/split.rs. Nothing here is an error: what cannot be read is plain
text. `labextension/static/cells.js` does the same in JupyterLab, and a test compares the two.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import ClassVar

from pygments.lexer import Lexer
from pygments.lexers import get_lexer_by_name
from pygments.token import Keyword, Name, Number, Operator, String, Text, _TokenType
from pygments.util import ClassNotFound

Verbs = dict[str, dict[str, dict[str, str]]]
Push = Callable[[str, int, int], None]

_MAGIC = re.compile(r"\s*(%%?)([A-Za-z][^\s\"']*)")
_BODY_END = re.compile(r"%%[A-Za-z]")
_CONTINUES = re.compile(r"\\\s*\Z")
_CONTINUATION = r"\\[^\S\n]*(?:\n|\Z)"
_QUOTED = r'"(?:\\.|[^"\\])*"?|\'[^\']*\'?'
_WORD = re.compile(rf"{_CONTINUATION}|(?P<word>(?:{_QUOTED}|(?!{_CONTINUATION})[^\s\"'])+)|\s+", re.DOTALL)
_STRING = re.compile(_QUOTED, re.DOTALL)
_OPTION = re.compile(r"--?[A-Za-z][\w-]*", re.ASCII)
_NUMBER = re.compile(r"\d+(?:\.\d+)?[A-Za-z]*", re.ASCII)

_LOOKS = {
    "sign": Operator,
    "magic": Keyword,
    "verb": Name.Builtin,
    "help": Operator,
    "option": Name.Attribute,
    "string": String,
    "number": Number,
    "arrow": Operator,
    "name": Name.Variable,
}


@dataclass(frozen=True)
class Host:
    """A language in which magics stand: what its code is made of, as far as brackets, strings and comments go."""

    #: What to read at a place outside of strings and comments.
    code: re.Pattern[str]
    #: By group of `code`: what to read inside of what begins there; `{}` is what the group has found.
    inside: dict[str, str]
    #: Names of lexers, of which the first that is installed lexes the code.
    lexers: tuple[str, ...]


HOSTS = {
    "rust": Host(
        re.compile(
            r"//.*|(?P<comment>/\*)|(?:br|cr|r)(?P<raw>#*)\"|(?P<text>\")|'(?:\\.(?:[^']*')?|[^\\]')?"
            r"|(?P<open>[(\[{])|(?P<close>[)\]}])|\w+|.",
            re.DOTALL,
        ),
        {
            "comment": r"(?P<in>/\*)|(?P<out>\*/)|.",
            "raw": r'(?P<out>"{})|.',
            "text": r'\\.?|(?P<out>")|[^\\"]+',
        },
        ("rust",),
    ),
    "python": Host(
        re.compile(
            r"#.*|(?P<triple>\"\"\"|''')|\"(?:\\.|[^\"\\])*(?:\"|\\?\Z)|'(?:\\.|[^'\\])*(?:'|\\?\Z)"
            r"|(?P<open>[(\[{])|(?P<close>[)\]}])|\w+|.",
            re.DOTALL,
        ),
        {"triple": r"\\.?|(?P<out>{})|."},
        ("ipython3", "python"),
    ),
}


@dataclass
class Token:
    """A part of a magic: what it is, or the language it is written in, and where it stands."""

    type: str
    start: int
    end: int


@dataclass
class Part:
    """A part of a cell: code, or a magic with its tokens and the body below it."""

    type: str
    start: int
    end: int
    tokens: list[Token] = field(default_factory=list)
    body: tuple[int, int, str | None] | None = None


class Scanner:
    """Follows code line by line, just closely enough to know whether a line begins inside something."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._depth = 0
        # What the line's beginning lies in, with its own pattern, and how deep.
        self._inside: re.Pattern[str] | None = None
        self._level = 0

    @property
    def is_neutral(self) -> bool:
        return self._depth == 0 and self._inside is None

    def line(self, line: str) -> None:
        at = 0
        while at < len(line):
            match = (self._inside or self._host.code).match(line, at)
            assert match is not None, "every pattern takes any character"
            at = match.end()
            found = match.groupdict()
            if self._inside is None:
                self._plain(found)
            else:
                self._level += bool(found.get("in")) - bool(found["out"])
                self._inside = self._inside if self._level else None

    def _plain(self, found: dict[str, str | None]) -> None:
        self._depth = max(0, self._depth + bool(found["open"]) - bool(found["close"]))
        self._level = 1
        for group, pattern in self._host.inside.items():
            if found[group] is not None:
                self._inside = re.compile(pattern.replace("{}", found[group] or ""), re.DOTALL)


def split(text: str, host: str, verbs: Verbs) -> list[Part]:
    """The parts of a cell in their order.

    In `rust` every line that looks like a magic is one. In `python` only those of `verbs` are, and a `%%` magic begins
    the cell.
    """
    lines = text.split("\n")
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line) + 1)
    # The last line has no newline behind it.
    starts[-1] = len(text)
    if not lines[-1]:
        lines.pop()
    parts: list[Part] = []
    scanner = Scanner(HOSTS[host])
    code = index = 0
    after_body, is_blank = False, True
    while index < len(lines):
        line = lines[index]
        magic = _MAGIC.match(line) if scanner.is_neutral else None
        if magic is None or not (host == "rust" or after_body or _is_ours(magic, is_blank, verbs)):
            if host == "python" and is_blank and _BODY_END.match(line):
                # Another one's cell magic has the whole cell.
                return [Part("code", 0, len(text))]
            is_blank = is_blank and not line.strip()
            scanner.line(line)
            index += 1
            continue
        is_blank = False
        if code < starts[index]:
            parts.append(Part("code", code, starts[index]))
        last = index
        while _CONTINUES.search(lines[last]) and last + 1 < len(lines):
            last += 1
        part = Part("magic", starts[index], starts[last] + len(lines[last]))
        part.tokens, languages = _read_words(text, part.start, part.end, verbs)
        index = last + 1
        after_body = magic[1] == "%%"
        if after_body:
            first = index
            while index < len(lines) and not _BODY_END.match(lines[index]):
                index += 1
            if first < index:
                part.body = (starts[first], starts[index], languages.get("body"))
        parts.append(part)
        code = starts[index]
        scanner = Scanner(HOSTS[host])
    if code < len(text):
        parts.append(Part("code", code, len(text)))
    return parts


def _is_ours(magic: re.Match[str], is_first: bool, verbs: Verbs) -> bool:
    return _name_of(magic[2]) in verbs and (magic[1] == "%" or (is_first and magic[0].startswith("%%")))


def _read_words(text: str, start: int, end: int, verbs: Verbs) -> tuple[list[Token], dict[str, str]]:
    """The tokens of the magic between `start` and `end`, and which languages its verb takes where."""
    tokens: list[Token] = []

    def push(kind: str, start: int, end: int) -> None:
        if start < end:
            tokens.append(Token(kind, start, end))

    sign = re.compile(r"\s*(%%?)").match(text, start, end)
    assert sign is not None, "a magic begins with its sign"
    push("sign", sign.start(1), sign.end())
    words = [match for match in _WORD.finditer(text, sign.end(), end) if match["word"] is not None]
    magic = words.pop(0)
    name = _name_of(magic[0])
    push("magic", magic.start(), magic.start() + len(name))
    push("help", magic.start() + len(name), magic.end())
    length, languages = _find_verb(verbs.get(name, {}), words)
    for word in words[:length]:
        verb = _name_of(word[0])
        push("verb", word.start(), word.start() + len(verb))
        push("help", word.start() + len(verb), word.end())
    words = words[length:]
    arrow = next((index for index, word in enumerate(words) if word[0] == "->"), len(words))
    before, after = words[:arrow], words[arrow : arrow + 2]
    if "line" in languages and before and before[0][0][0] not in "\"'-":
        push(languages["line"], before[0].start(), before[-1].end())
    else:
        for word in before:
            _push_word(push, word)
    for kind, word in zip(("arrow", "name"), after):
        push(kind, word.start(), word.end())
    return tokens, languages


def _push_word(push: Push, word: re.Match[str]) -> None:
    if _NUMBER.fullmatch(word[0]):
        push("number", word.start(), word.end())
        return
    option = _OPTION.match(word[0])
    if option:
        push("option", word.start(), word.start() + option.end())
    for match in _STRING.finditer(word[0]):
        push("string", word.start() + match.start(), word.start() + match.end())


def _find_verb(verbs: dict[str, dict[str, str]], words: list[re.Match[str]]) -> tuple[int, dict[str, str]]:
    """How many of `words` are a verb's name, and that verb's languages. Two words go before one."""
    for length in (2, 1):
        name = " ".join(_name_of(word[0]) for word in words[:length])
        if len(words) >= length and name in verbs:
            return length, verbs[name]
    return 0, {}


def _name_of(word: str) -> str:
    """`%feature?` and `list?` ask for help."""
    return word.rstrip("?")


@cache
def known_verbs() -> Verbs:
    """The verbs of the program, and which languages they take where."""
    verbs: Verbs = json.loads((Path(__file__).parent / "kernwerk" / "verbs.json").read_text())
    return verbs


# What Pygments calls the languages of bodies. The SQL of the lab is close to PostgreSQL's.
_REGISTERED = {"sql": "postgresql"}


class KernwerkLexer(Lexer):
    """Cells of the kernel: Rust and magics."""

    name = "Kernwerk"
    aliases: ClassVar[list[str]] = ["kernwerk"]
    filenames: ClassVar[list[str]] = []
    _host = "rust"

    def get_tokens_unprocessed(self, text: str) -> Iterator[tuple[int, _TokenType, str]]:
        at = 0
        for part in split(text, self._host, known_verbs()):
            yield from _plain(text, at, part.start)
            at = part.start
            if part.type == "code":
                yield from _lexed(text, part.start, part.end, *HOSTS[self._host].lexers)
                at = part.end
                continue
            for token in part.tokens:
                yield from _plain(text, at, token.start)
                if token.type in _LOOKS:
                    yield token.start, _LOOKS[token.type], text[token.start : token.end]
                else:
                    yield from _lexed(text, token.start, token.end, token.type)
                at = token.end
            if part.body is not None:
                start, end, language = part.body
                yield from _plain(text, at, start)
                yield from _lexed(text, start, end, language) if language else _plain(text, start, end)
                at = end
        yield from _plain(text, at, len(text))


class KernwerkIPythonLexer(KernwerkLexer):
    """Cells of IPython in which there may be magics of Kernwerk."""

    name = "Kernwerk in IPython"
    aliases: ClassVar[list[str]] = ["kernwerk-ipython"]
    _host = "python"


def _plain(text: str, start: int, end: int) -> Iterator[tuple[int, _TokenType, str]]:
    if start < end:
        yield start, Text, text[start:end]


def _lexed(text: str, start: int, end: int, *languages: str) -> Iterator[tuple[int, _TokenType, str]]:
    for language in languages:
        try:
            lexer = get_lexer_by_name(_REGISTERED.get(language, language))
        except ClassNotFound:
            continue
        for at, kind, value in lexer.get_tokens_unprocessed(text[start:end]):
            # A parameter of the lab's SQL; PostgreSQL's have numbers for names.
            is_sign = language == "sql" and value == "$"
            yield start + at, Operator if is_sign else kind, value
        return
    yield from _plain(text, start, end)
