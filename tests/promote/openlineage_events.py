"""Events of OpenLineage, held to the classes that its own client makes from the specification."""

import enum
import importlib
import pkgutil
import types
import typing

import attr
import openlineage.client.generated as generated
from openlineage.client.generated import base
from openlineage.client.serde import Serde

MODULES = [importlib.import_module(f"{generated.__name__}.{module.name}") for module in pkgutil.iter_modules(generated.__path__)]
# Facets by the address of their schema, which each event has to name.
FACETS = {
    kind._get_schema(): kind
    for module in MODULES
    for kind in vars(module).values()
    if isinstance(kind, type) and issubclass(kind, base.BaseFacet)
}


def check(event: dict):
    """Builds the event from the client's classes, each field of the type that they declare, and back: nothing is lost or too much."""
    assert event["schemaURL"] == base.RunEvent._get_schema(), event["schemaURL"]
    built = _built(base.RunEvent, event)
    back, given = _without_nothing(Serde.to_dict(built)), _without_nothing(event)
    assert back == given, (back, given)


def _built(kind, value):
    """`value` as what the annotation `kind` says."""
    if typing.get_origin(kind) in (types.UnionType, typing.Union):
        kinds = [one for one in typing.get_args(kind) if one is not type(None)]
        assert len(kinds) == 1, kind
        return _built(kinds[0], value)
    if typing.get_origin(kind) is list:
        assert isinstance(value, list), value
        return [_built(typing.get_args(kind)[0], one) for one in value]
    if typing.get_origin(kind) is dict:
        assert isinstance(value, dict), value
        return {name: _facet(facet, typing.get_args(kind)[1]) for name, facet in value.items()}
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return kind(value)
    if not attr.has(kind):
        assert type(value) is kind, f"{value!r} is no {kind.__name__}"
        return value
    hints = typing.get_type_hints(kind)
    fields = {name: _built(hints[name], one) for name, one in value.items() if name != "schemaURL"}
    return kind(**fields)


def _facet(value: dict, kind):
    found = FACETS[value["_schemaURL"]]
    assert issubclass(found, kind), f"{found.__name__} is no {kind.__name__}"
    hints = typing.get_type_hints(found)
    fields = {name: _built(hints[name], one) for name, one in value.items() if not name.startswith("_")}
    return found(producer=value["_producer"], **fields)


def _without_nothing(value):
    """As the client writes it: without empty parts."""
    if isinstance(value, dict):
        cleaned = {name: _without_nothing(one) for name, one in value.items()}
        return {name: one for name, one in cleaned.items() if one not in (None, {}, [])}
    return [_without_nothing(one) for one in value] if isinstance(value, list) else value
