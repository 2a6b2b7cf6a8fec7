"""What goes wrong, as exceptions that read like the messages of the other faces."""

from __future__ import annotations


class _Shown(BaseException):
    """What a person sees of an exception: the problem and what to do about it, without a traceback of Python."""

    name: str
    message: str
    hint: str | None

    def __init__(self, name: str, message: str, hint: str | None, text: str) -> None:
        super().__init__(text)
        self.name = name
        self.message = message
        self.hint = hint

    def _render_traceback_(self) -> list[str]:
        lines = [f"\x1b[31m{self.name}\x1b[0m: {self.message}"]
        if self.hint is not None:
            lines.append(f"\x1b[1mhint\x1b[0m: {self.hint}")
        return lines


class Error(_Shown, Exception):
    """A magic could not do what it was asked to. Its class bears the problem's name, such as `UnknownCorpus`."""


class Interrupted(_Shown, KeyboardInterrupt):
    """A magic was interrupted; the lab is as it was before."""


_classes: dict[str, type[Error]] = {}


def of(name: str, message: str, hint: str | None, text: str, is_interrupt: bool) -> Error | Interrupted:
    """The exception for a problem. Front ends show the name of an exception's class, so each name has one."""
    if is_interrupt:
        return Interrupted(name, message, hint, text)
    kind = _classes.setdefault(name, type(name, (Error,), {"__module__": "kernwerk"}))
    return kind(name, message, hint, text)
