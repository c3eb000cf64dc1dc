"""`make measure-lessons`: how long each lesson's verdict and its bench take to compute, in seconds on this machine."""

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from dashboard.lessons.lesson import Bench
from dashboard.lessons.registry import LESSONS
from models.bptt.threads import use_one_thread


def main() -> None:
    """Print one line per lesson; a page should answer within 2 seconds."""
    use_one_thread()
    for lesson in LESSONS:
        begun = time.perf_counter()
        lesson.measure()
        verdict = time.perf_counter() - begun
        bench = "trains"
        if isinstance(lesson.bench, Bench):
            lesson.bench.draw(lesson.bench.start)  # once to warm
            begun = time.perf_counter()
            lesson.bench.draw(lesson.bench.start)
            bench = f"{time.perf_counter() - begun:.2f}"
        print(f"{lesson.number:>2}  verdict {verdict:.2f}  bench {bench}  {lesson.title}")


if __name__ == "__main__":
    main()
