"""A made-up notebook: random cells of Rust, and a model in Python of what its variables hold.

The model is the oracle: after each cell the kernel must show exactly what it says, whatever crashed or was interrupted before.
"""

import random
import string
from dataclasses import dataclass, field

# Defined in the first cell of each life of the kernel.
ITEMS = "#[derive(Debug, Clone)]\nstruct Point { x: i64, y: i64 }\nfn twice(n: i64) -> i64 { 2 * n }"
POLARS = ":dep polars\nuse polars::prelude::*;"
MOST_VARIABLES = 14


@dataclass
class Variable:
    """A variable: its kind (a key of [`KINDS`]), and what Python has in its place."""

    kind: str
    value: object


class Kind:
    """How values of one type are made, changed and shown."""

    def __init__(self, make, literal, change, show, expression="{0}"):
        # A value of Python from a source of random numbers; the Rust expression for it; a statement that changes a variable, with what it makes
        # of the value; what `{:?}` shows; and what stands in `{:?}` for a variable.
        self.make, self.literal, self.change, self.show, self.expression = make, literal, change, show, expression


def _numbers(rng):
    return [rng.randrange(-99, 100) for _ in range(rng.randrange(4))]


def _list(values):
    return "[" + ", ".join(map(str, values)) + "]"


def _push(statement):
    def change(rng, name, value):
        number = rng.randrange(100)
        return statement.format(name, number), [*value, number]

    return change


def _grow_text(rng, name, value):
    letter = rng.choice(string.ascii_letters)
    return f"{name}.push('{letter}');", value + letter


def _insert(rng, name, value):
    key, number = rng.choice("abcdef"), rng.randrange(100)
    return f'{name}.insert("{key}".to_owned(), {number});', {**value, key: number}


def _move_point(rng, name, value):
    step = rng.randrange(1, 9)
    return f"{name}.x += {step};", (value[0] + step, value[1])


def _add(rng, name, value):
    step = rng.randrange(1, 9)
    return f"{name} += {step};", value + step


def _replace_closure(rng, name, value):
    step = rng.randrange(100)
    return f"{name} = Box::new(move |n| n + {step});", step


def _head(rng, name, value):
    rows = rng.randrange(1, len(value) + 1)
    return f"{name} = {name}.head(Some({rows}));", value[:rows]


def _map_text(value):
    return "{" + ", ".join(f'"{key}": {value[key]}' for key in sorted(value)) + "}"


KINDS = {
    "number": Kind(lambda rng: rng.randrange(10**6), lambda value: f"{value}_i64", _add, str),
    "text": Kind(
        lambda rng: "".join(rng.choices(string.ascii_letters, k=5)),
        lambda value: f'String::from("{value}")',
        _grow_text,
        lambda value: f'"{value}"',
    ),
    "list": Kind(_numbers, lambda value: f"Vec::<i64>::from({_list(value)})", _push("{0}.push({1});"), _list),
    "map": Kind(
        lambda rng: {rng.choice("abc"): rng.randrange(9)},
        lambda value: "std::collections::BTreeMap::<String, i64>::from(["
        + ", ".join(f'("{key}".to_owned(), {number})' for key, number in value.items())
        + "])",
        _insert,
        _map_text,
    ),
    "point": Kind(
        lambda rng: (rng.randrange(9), rng.randrange(9)),
        lambda value: f"Point {{ x: {value[0]}, y: {value[1]} }}",
        _move_point,
        lambda value: f"Point {{ x: {value[0]}, y: {value[1]} }}",
    ),
    "shared": Kind(
        _numbers,
        lambda value: f"std::rc::Rc::new(std::cell::RefCell::new(Vec::<i64>::from({_list(value)})))",
        _push("{0}.borrow_mut().push({1});"),
        lambda value: f"RefCell {{ value: {_list(value)} }}",
    ),
    "closure": Kind(
        lambda rng: rng.randrange(100),
        lambda value: f"Box::new(move |n: i64| n + {value}) as Box<dyn Fn(i64) -> i64>",
        _replace_closure,
        lambda value: str(value + 3),
        "{0}(3)",
    ),
}
FRAMES = {
    "frame": Kind(
        lambda rng: [rng.randrange(9) for _ in range(rng.randrange(1, 50))],
        lambda value: f'df!("n" => Vec::<i64>::from({_list(value)}))?',
        _head,
        lambda value: f"({len(value)}, {sum(value)})",
        '({0}.height(), {0}.column("n")?.i64()?.sum().unwrap_or(0))',
    ),
}


@dataclass
class Notebook:
    """The variables of one life of the kernel."""

    rng: random.Random
    polars: bool = False
    variables: dict = field(default_factory=dict)

    def first_cells(self):
        return [ITEMS, POLARS] if self.polars else [ITEMS]

    def _kind(self, name):
        return KINDS.get(name) or FRAMES[name]

    def define(self):
        """A cell that makes a variable anew, often over one of another type."""
        name = f"v{self.rng.randrange(MOST_VARIABLES)}"
        kind = self.rng.choice([*KINDS, *(FRAMES if self.polars else ())])
        value = self._kind(kind).make(self.rng)
        self.variables[name] = Variable(kind, value)
        return f"let mut {name} = {self._kind(kind).literal(value)};"

    def _changes(self):
        """Statements that change variables, and what the variables hold then."""
        names = self.rng.sample(sorted(self.variables), k=min(len(self.variables), self.rng.randrange(1, 4)))
        statements, after = [], {}
        for name in names:
            variable = self.variables[name]
            statement, value = self._kind(variable.kind).change(self.rng, name, variable.value)
            statements.append(statement)
            after[name] = Variable(variable.kind, value)
        return "\n".join(statements), after

    def change(self):
        statements, after = self._changes()
        self.variables.update(after)
        return statements or "();"

    def spoiled(self, end: str):
        """A cell that changes variables and comes to a bad end: they stay as they were."""
        statements, _ = self._changes()
        return f"let lost = 1;\n{statements}\n{end}"

    def look(self):
        """A cell that shows all variables, and what it must print."""
        lines, texts = [], []
        for name in sorted(self.variables):
            variable = self.variables[name]
            kind = self._kind(variable.kind)
            lines.append(f'println!("{name} {{:?}}", {kind.expression.format(name)});')
            texts.append(f"{name} {kind.show(variable.value)}\n")
        return "\n".join(lines) or "();", "".join(texts)
