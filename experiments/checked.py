"""Check the values of an untrusted file against the types that we write: the kind and bounds of every value."""

from typing import Annotated, Any, TypeVar

import orjson
from annotated_types import Ge, Le
from pydantic import AfterValidator, ConfigDict, Field, TypeAdapter, ValidationError

from experiments.config.words import cut, visible

T = TypeVar("T")

STRICT = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)
"""Rules for every file: no text instead of a number, no unknown names, Inf and NaN only as text."""

MOST_STEPS = 10_000_000
"""The most steps that `RunConfig` allows."""
Step = Annotated[int, Ge(0), Le(MOST_STEPS)]
Count = Annotated[int, Ge(0), Le(2**53)]
"""Bytes and other counts."""
Crc32 = Annotated[int, Ge(0), Le(2**32 - 1)]
Clock = Annotated[float, Ge(0), Le(1e11)]
"""Seconds since 1970, or seconds of work: at most about three thousand years, which calendars can show."""
Word = Annotated[str, Field(max_length=255)]
Sentence = Annotated[str, Field(max_length=2**16)]

NOT_FINITE = ("inf", "-inf", "nan")
"""The texts for numbers that are not finite, in JSON."""


def is_scalar(value: object) -> bool:
    """Whether a line of scalars may contain this value: a number, null, or the text of Inf or NaN."""
    return value is None or type(value) is float or value in NOT_FINITE or (type(value) is int and abs(value) < 2**63)


def _scalar(value: object) -> object:
    if not is_scalar(value):
        raise ValueError
    return value


Scalar = Annotated[Any, AfterValidator(_scalar)]


_ADAPTERS: dict[object, TypeAdapter[Any]] = {}


def checked(kind: type[T], given: object) -> T:
    """Build a value of the given kind from the plain values of a file.

    Raises:
        ValueError: they do not fit; the message is the name of the field that is missing, unknown or out of bounds.
    """
    if kind not in _ADAPTERS:
        _ADAPTERS[kind] = TypeAdapter(kind)
    try:
        # as JSON once more: strictly, an object is not a dataclass, but in JSON it may describe one
        value: T = _ADAPTERS[kind].validate_json(given if isinstance(given, bytes) else orjson.dumps(given))
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        where = ".".join(cut(str(part)) for part in first["loc"][:4])
        raise ValueError(visible(where) or "its form") from None
    except orjson.JSONEncodeError:  # nested too deep
        raise ValueError("its form") from None
    return value
