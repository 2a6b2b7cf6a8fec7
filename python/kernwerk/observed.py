"""What is seen of the variables of a notebook while a cell runs: beside what its text tells."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kernwerk import changed, names, sharing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kernwerk._kernwerk import Cell
    from kernwerk.changed import Seen
    from kernwerk.syntax import Names


class Observed:
    """Looks at the variables when a cell begins and when it has ended. Of a value that does not bear being looked at nothing is seen: then the text alone
    counts.
    """

    def __init__(self, variables: Mapping[str, Any]) -> None:
        self._variables = variables
        self._aliases = sharing.Aliases()
        self._names: Names | None = None
        self._seen: dict[str, Seen] = {}
        #: What the names were that the cell may bind.
        self._before: dict[str, object] = {}

    def begin(self, told: Names | None) -> None:
        """A cell begins, of whose text this is told; None for one of magics alone."""
        self._names, self._seen = told, {}
        if told is None:
            return
        self._before = {name: self._variables.get(name) for name in told.maybe}
        try:
            self._seen = changed.look(self._aliases.of(names.looked_at(told) | told.mutates), self._variables)
        except Exception:  # Values of others' classes may raise anything.
            self._seen = {}

    def end(self, cell: Cell) -> None:
        """The cell has ended."""
        if self._names is None:
            return
        try:
            self._tell(cell, self._names)
        except Exception:  # As above. What shares what is not known from here on: all of it may.
            self._aliases.add([], [set(self._variables)])
        finally:
            # They hold values that nobody else may hold any more.
            self._names, self._seen, self._before = None, {}, {}

    def _tell(self, cell: Cell, told: Names) -> None:
        variables = self._variables
        met = names.met(told, variables)
        apart = {name for name in met if sharing.is_apart(variables[name])}
        groups, with_code = sharing.look(met - apart, variables)
        bound = {name for name, value in self._before.items() if variables.get(name) is not value}
        changes, unchanged = changed.compare(self._seen, told.suspect, variables)
        self._aliases.add(told.defines - told.maybe | bound, groups)
        cell.shares(groups, apart, with_code)
        cell.binds(bound)
        # Of what shares something with what it names the text tells by that.
        cell.changes(changes & (names.looked_at(told) - told.mutates), unchanged)
