"""The allowed values of a field in words, and a sentence about a value that is not allowed."""

import difflib
from collections.abc import Sequence
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from experiments.config.words import shortened
from experiments.errors import ConfigError


def allowed(field: FieldInfo) -> str:
    """The allowed values of a field, as the end of the sentence "it must be …"."""
    annotation = field.annotation
    kinds = get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)
    options = [_options(kind, field) for kind in kinds]
    return _listed([option for group in options for option in group])


def choices(field: FieldInfo) -> list[str]:
    """The names among which a field chooses, from `enum` in its schema; empty for any other field."""
    extra = field.json_schema_extra
    names = extra.get("enum") if isinstance(extra, dict) else None
    return [str(name) for name in names] if isinstance(names, list) else []


def refusal(model: type[BaseModel], error: ValidationError) -> ConfigError:
    """The first of pydantic's errors as one sentence: the field, what was given, what is allowed."""
    first = error.errors(include_url=False, include_context=False)[0]
    name, given = str(first["loc"][0]), shortened(first["input"])
    if first["type"] == "extra_forbidden":
        return ConfigError(_unknown(name, list(model.model_fields)))
    return ConfigError(f"{name} was {given}; it must be {allowed(model.model_fields[name])}.")


def _unknown(name: str, names: list[str]) -> str:
    return f"{shortened(name)} is not a field; {suggestion(name, names)} fields are {', '.join(names)}."


def suggestion(name: str, names: Sequence[str]) -> str:
    """What may be meant by an unknown name, up to the word "the" of a list of all names.

    These are the names that begin as it does or whose words do, as lr for learning_rate, or else the closest one.
    """
    begun = [other for other in names if other.startswith(name) or initials(other) == name]
    if len(begun) > 1:
        return f"did you mean {_listed(begun)}? The"
    close = begun or difflib.get_close_matches(name, names, n=1)
    return f"the closest is {close[0]}, and the" if close else "the"


def initials(name: str) -> str:
    """`lr` of `learning_rate`."""
    return "".join(word[:1] for word in name.split("_"))


def _options(kind: Any, field: FieldInfo) -> list[str]:
    bounds = field.metadata
    if get_origin(kind) is Annotated:
        kind, *bounds = get_args(kind)
    if get_origin(kind) is Literal:
        return [str(name) for name in get_args(kind)]
    if kind is NoneType:
        return ["none"]
    if kind is bool:
        return ["true", "false"]
    if kind is str:
        return choices(field) or [str(example) for example in field.examples or ["text"]]
    noun = "a whole number" if kind is int else "a finite number"
    return [f"{noun}{_range(bounds)}"]


def _range(metadata: list[Any]) -> str:
    bounds = {type(bound): bound for bound in metadata}
    ge, gt, le = bounds.get(Ge), bounds.get(Gt), bounds.get(Le)
    if ge and le:
        return f" from {ge.ge} to {le.le}"
    if ge:
        return f" of at least {ge.ge}"
    if gt and le:
        return f" greater than {gt.gt} and at most {le.le:g}"
    if gt:
        return f" greater than {gt.gt}"
    return ""


def _listed(options: list[str]) -> str:
    *most, last = options
    return f"{', '.join(most)} or {last}" if most else last
