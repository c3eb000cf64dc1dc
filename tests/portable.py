"""`make test-portable [ONLY=name,…]`: the numerical tests under the kernels that other processors would choose.

torch multiplies by MKL and oneDNN, numpy and scipy by OpenBLAS, and torch's loops and the compiled passes
follow the processor: each can be told to behave as on another one. An environment sets one value of each variable;
together they set all values that are worth it. One has two threads, and since no list of processors is complete, the
last adds up torch's products in an order of our own. What this processor cannot execute is left out, and said.
"""

import os
import re
import subprocess
import sys
import time
from pathlib import Path

from llvmlite import binding
from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parents[1]
NUMERICAL = ["tests/models", "tests/analysis"]
NUMERICAL += [f"tests/dashboard/test_lessons.py::{name}" for name in
              ("test_every_statement_is_borne_out_by_its_numbers", "test_the_verdict_is_whole")]  # fmt: skip
NUMERICAL += [
    f"tests/experiments/test_{name}.py"
    for name in ("probe", "resuming", "spectrum_settings", "task_chance", "task_interface", "tasks", "training",
                 "training_ends")
]  # fmt: skip

SMALLEST = {
    "ONEDNN_MAX_CPU_ISA": "SSE41",
    "OPENBLAS_CORETYPE": "Haswell",
    "ATEN_CPU_CAPABILITY": "default",
    "NUMBA_CPU_NAME": "generic",
}
MIDDLE = {
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "OPENBLAS_CORETYPE": "Zen",
    "ATEN_CPU_CAPABILITY": "avx2",
    "NUMBA_CPU_NAME": "x86-64-v2",
    "NUMBA_CPU_FEATURES": "+sse4.2,+popcnt,+cx16",
}
LARGEST = {
    "ONEDNN_MAX_CPU_ISA": "AVX512_CORE",
    "OPENBLAS_CORETYPE": "SkylakeX",
    "ATEN_CPU_CAPABILITY": "avx512",
}
ENVIRONMENTS = {
    "reproducible": {"MKL_CBWR": "COMPATIBLE", **SMALLEST},
    "reproducible-avx2": {"MKL_CBWR": "AVX2", **MIDDLE},
    "reproducible-avx512": {"MKL_CBWR": "AVX512", **LARGEST},
    "sse4": {"MKL_ENABLE_INSTRUCTIONS": "SSE4_2", **SMALLEST},
    "avx2": {"MKL_ENABLE_INSTRUCTIONS": "AVX2", **MIDDLE},
    "avx512": {"MKL_ENABLE_INSTRUCTIONS": "AVX512", **LARGEST},
    "two-threads": {"OMP_NUM_THREADS": "2", "OPENBLAS_NUM_THREADS": "2", "OMP_WAIT_POLICY": "PASSIVE"},
    "other-blocking": {"OTHER_BLOCKING": "1"},
}
NEEDS = {"Haswell": "avx2", "Zen": "avx2", "avx2": "avx2", "SkylakeX": "avx512f", "avx512": "avx512f"}
"""Values that a library takes at their word: on a processor without this feature the process would die."""


def main(names: list[str]) -> int:
    """Run the environments of these names, or all; print a table and what has failed; 1 where anything has."""
    if unknown := set(names) - ENVIRONMENTS.keys():
        sys.exit(f"error: there is no environment {unknown.pop()}; it must be one of {', '.join(ENVIRONMENTS)}.")
    table = Table(title=f"The numerical tests on {binding.get_host_cpu_name()}, {os.cpu_count()} cores")
    for heading in ("environment", "passed", "failed", "seconds", "left out"):
        table.add_column(heading, justify="left" if heading in ("environment", "left out") else "right")
    failures: list[str] = []
    for name in names or ENVIRONMENTS:
        settings, left_out = possible(ENVIRONMENTS[name])
        print(name, " ".join(f"{key}={value}" for key, value in settings.items()), flush=True)
        began = time.monotonic()
        said = numerical_tests(settings)
        passed, failed = (counted(said, word) for word in ("passed", "failed"))
        failed += counted(said, "error") + (passed == 0)
        print(said.strip().splitlines()[-1], flush=True)
        failures += [f"{name}: {line}" for line in said.splitlines() if line.startswith(("FAILED", "ERROR"))]
        table.add_row(name, str(passed), str(failed), f"{time.monotonic() - began:.0f}", " ".join(left_out))
        if failed and not any(line.startswith(f"{name}: ") for line in failures):
            failures.append(f"{name}: {said}")
    Console(width=100).print(table)
    print(*failures, sep="\n")
    return bool(failures)


def possible(environment: dict[str, str]) -> tuple[dict[str, str], list[str]]:
    """What this processor can execute of an environment, and the variables that are left out."""
    features = binding.get_host_cpu_features()
    left_out = [name for name, value in environment.items() if value in NEEDS and not features.get(NEEDS[value], False)]
    return {name: value for name, value in environment.items() if name not in left_out}, left_out


def numerical_tests(settings: dict[str, str]) -> str:
    """What pytest says of the numerical tests in this environment; the compiled passes have a cache of their own."""
    cache = Path(__file__).parent / "__pycache__" / settings.get("NUMBA_CPU_NAME", "this-processor")
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(cache), **settings}
    subprocess.run([sys.executable, "-m", "models.bptt.compiled.warm"], cwd=ROOT, env=environment, check=True)
    threads = int(settings.get("OMP_NUM_THREADS", "1"))
    workers = max(1, (os.cpu_count() or 1) // threads)  # more threads than cores wait for each other, for half an hour
    words = ["-n", str(workers), "--dist", "loadfile", "--no-loadscope-reorder", "--tb=short", "-rfE"]
    command = [sys.executable, "-m", "pytest", *words, *NUMERICAL]
    return subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True).stdout


def counted(said: str, word: str) -> int:
    """How many tests pytest's last line gives this word."""
    found = re.search(rf"(\d+) {word}", said.strip().splitlines()[-1])
    return int(found[1]) if found else 0


if __name__ == "__main__":
    sys.exit(main([name for name in ",".join(sys.argv[1:]).split(",") if name]))
