"""Peak memory of one pass, in a process of its own: `python -m experiments.benchmarks.memory fast lstm 200 32 64`."""

import resource
import subprocess
import sys
from pathlib import Path

from experiments.benchmarks.steps import step_of
from models.bptt.threads import use_one_thread


def peak_memory(cell: str, size: tuple[int, int, int], way: str) -> float:
    """MB that a step needs in addition to the process before it; measured in a new process."""
    words = [sys.executable, "-m", f"{__package__}.memory", way, cell, *(str(n) for n in size)]
    done = subprocess.run(words, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2])
    return float(done.stdout)


def measure_own_peak(way: str, cell: str, size: tuple[int, int, int]) -> float:
    """This process's peak during one step minus its size before (MB); a tiny step loads all libraries first."""
    use_one_thread()
    step_of(way, cell, (3, 2, 4))()
    step = step_of(way, cell, size)
    before = forget_peak()
    step()
    return peak() - before


def forget_peak() -> float:
    """Reset the process's peak to its present size, if the system can do that (Linux). Returns that size in MB."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return peak()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


def peak() -> float:
    """The largest size of the process so far (MB)."""
    status = Path("/proc/self/status")
    if status.exists():  # getrusage also counts what the parent held when this process began
        (line,) = (line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 2**10
    unit = 2**20 if sys.platform == "darwin" else 2**10  # bytes there, KB elsewhere
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


if __name__ == "__main__":
    T, B, H = (int(word) for word in sys.argv[3:6])
    sys.stdout.write(f"{measure_own_peak(sys.argv[1], sys.argv[2], (T, B, H))}\n")
