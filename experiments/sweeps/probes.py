"""Probes on disk: one small folder per configuration, which all sweeps share.

runs/probes/ID/probe.json    what the pass came down to, and its gradient profile; written once, as a whole
               lease.json    who makes it now
"""

import time
import zlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import orjson
import torch
from jaxtyping import Float, Int
from numpy import ndarray
from pydantic import Field

from experiments.checked import STRICT, Clock, Count, Scalar, Word, checked
from experiments.config.run_config import RunConfig
from experiments.probing.probe import Probe, probe
from experiments.runs.folder import PROBES
from experiments.runs.store.chunks import read_json
from experiments.runs.store.create import refused
from experiments.runs.store.errors import DamagedRunError
from experiments.runs.store.files import replace_all
from experiments.runs.store.lease import Lease
from experiments.runs.store.lines import nonfinite_as_text
from experiments.runs.store.progress import refuse_newer
from experiments.sweeps.quantities import probe_numbers

FORMAT = 1
PROBE = "probe.json"
PROFILE_POINTS = 200
"""Most timesteps of the stored profile, spread evenly."""


@dataclass(frozen=True, eq=False)
class StoredProbe:
    """A stored probe: the results of one recorded pass."""

    config: Mapping[str, Any]
    numbers: Mapping[str, float]
    """Quantity → value, see `quantities.QUANTITIES`."""
    t: Int[ndarray, " point"]
    log_norm: Float[ndarray, " point"]
    """Median of ln‖dL/dh_t‖ over the batch (nats), top layer forwards."""
    path: str
    """The path of `record` that made it: `fast` or `reference`."""


@dataclass(frozen=True)
class ProbeFile:
    """The content of `probe.json`."""

    __pydantic_config__ = STRICT

    format: Count
    id: Word
    config: Mapping[Word, object]
    path: Literal["fast", "reference"]
    torch: Word
    numbers: Mapping[Word, Scalar]
    t: Annotated[list[Count], Field(max_length=PROFILE_POINTS)]
    log_norm: Annotated[list[Scalar], Field(max_length=PROFILE_POINTS)]
    seconds: Clock


def probe_file(runs: Path, name: str) -> Path:
    """The file of a configuration's probe, by the configuration's id."""
    return runs / PROBES / name / PROBE


def ensure_probe(config: RunConfig, runs: Path) -> StoredProbe:
    """Read the probe of a configuration; make it if it is missing or damaged.

    Raises:
        RunInUseError: another process is making it.
        ConfigError: the network cannot be built.
        RecordingError: the disk refuses.
    """
    path = probe_file(runs, config.identity())
    with suppress(DamagedRunError):
        return read_probe(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lease = Lease.acquire(path.parent)
        try:
            with suppress(DamagedRunError):  # it may have been made between the look and the lease
                return read_probe(path)
            write_probe(path, config)
        finally:
            lease.release()
    except OSError as error:
        raise refused(error, path.parent, "nothing of it") from None
    return read_probe(path)


def write_probe(path: Path, config: RunConfig) -> None:
    """Record the pass, and store its results."""
    began = time.perf_counter()
    result = probe(config, "settled")
    p = result.profile
    kept = np.unique(np.linspace(0, len(p.t) - 1, min(PROFILE_POINTS, len(p.t))).round().astype(int))
    body: dict[str, object] = {
        "format": FORMAT,
        "id": config.identity(),
        "config": config.model_dump(),
        "path": result.trace.path,
        "torch": torch.__version__,
        "numbers": nonfinite_as_text(dict(probe_numbers(result, 0.0))),
        "t": p.t[kept].tolist(),
        "log_norm": [*nonfinite_as_text({str(k): float(p.median[k]) for k in kept}).values()],
    }
    body["seconds"] = time.perf_counter() - began
    replace_all({path: orjson.dumps({"check": check(body), **body})}, path.parents[2])


def read_probe(path: Path) -> StoredProbe:
    """Read a probe from its file.

    Raises:
        DamagedRunError: the file is missing or damaged.
        ForeignRunError: the file has a newer format, or is no probe.
    """
    again = "delete that folder to make it again"
    given = read_json(path.parent, path.name, again)
    refuse_newer(path.parent, given.get("format"))
    try:
        if given.pop("check") != check(given):
            raise ValueError
        kept = checked(ProbeFile, given)
        numbers = {name: float(value) for name, value in kept.numbers.items()} | {"seconds": kept.seconds}
        log_norm = np.array([float(value) for value in kept.log_norm])
        if len(log_norm) != len(kept.t):
            raise ValueError
        return StoredProbe(kept.config, numbers, np.array(kept.t, dtype=int), log_norm, kept.path)
    except (KeyError, TypeError, ValueError):
        raise DamagedRunError(f"{path.name!r} in {str(path.parent)!r} is not what was written; {again}.") from None


def check(body: Mapping[str, object]) -> int:
    """CRC-32 of all other fields of the file."""
    return zlib.crc32(orjson.dumps(dict(body), option=orjson.OPT_SORT_KEYS))


__all__ = ["Probe", "StoredProbe", "ensure_probe", "probe_file", "read_probe"]
