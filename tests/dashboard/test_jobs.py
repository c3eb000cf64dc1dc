"""The queue of training processes: at most one per core, fair between visitors, and it moves on by itself."""

import time

import pytest

from dashboard.train.job_queue import Job, order_jobs
from dashboard.train.jobs import describe_end
from experiments.errors import ConfigError
from experiments.runs.control import Control, write_control


def job(visitor: str, *runs: str) -> Job:
    return Job(runs, visitor, ["run"])


def wait_for(condition) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def end(process) -> None:
    process.communicate(b"\n")


def test_what_waits_starts_by_itself_when_a_core_is_free(pool, processes):
    first, second = pool.ask(job("a", "r1")), pool.ask(job("a", "r2", "r3"))
    third = pool.ask(job("a", "r4"))
    assert (first.works, second.waits, third.waits) == (True, True, True)
    assert [pool.runs_before(j) for j in (first, second, third)] == [0, 0, 2]
    end(processes[0])
    wait_for(lambda: second.works)
    assert first.over
    assert third.waits
    assert len(processes) == 2
    assert pool.runs_before(third) == 0


def test_a_visitor_who_asks_for_one_run_goes_before_anothers_third(pool, processes):
    greedy = [pool.ask(job("a", f"a{k}")) for k in range(3)]
    modest = pool.ask(job("b", "b0"))
    assert pool.runs_before(modest) == 0
    assert [pool.runs_before(j) for j in greedy[1:]] == [1, 2]
    end(processes[0])
    wait_for(lambda: modest.works)
    assert greedy[1].waits


def test_turns_go_round_between_visitors():
    waiting = [job("a", "a0"), job("a", "a1"), job("a", "a2"), job("b", "b0"), job("b", "b1"), job("c", "c0")]
    order = order_jobs(waiting, [job("a", "a9")], {"a": 3, "c": 1})
    assert [j.runs[0] for j in order] == ["b0", "c0", "a0", "b1", "a1", "a2"]


def test_a_job_that_waits_can_leave(pool, processes):
    pool.ask(job("a", "r1"))
    second, third = pool.ask(job("b", "r2")), pool.ask(job("c", "r3"))
    pool.leave(second)
    assert second.over
    assert pool.runs_before(third) == 0
    assert not pool.is_taken("r2")
    end(processes[0])
    wait_for(lambda: third.works)
    assert len(processes) == 2


def test_a_paused_run_gives_its_core_to_what_waits(pool, processes, runs):
    first = pool.ask(job("a", "r1"))
    (runs / "r1").mkdir()
    write_control(runs / "r1", Control(0.1, None, pause=True))
    pool.advance()
    assert processes[0].poll() is None, "nobody waits, so nobody needs the core"
    second = pool.ask(job("b", "r2"))
    wait_for(lambda: second.works)
    assert first.over
    assert first.error is None


def test_a_process_that_takes_too_long_ends_and_the_next_begins(pool, processes):
    first = pool.ask(Job(("r1",), "a", ["run"], seconds=0.1))
    second = pool.ask(job("b", "r2"))
    wait_for(lambda: second.works)
    assert "the limit of this server" in first.error


def test_a_run_that_waits_or_trains_is_not_asked_for_twice(pool, processes):
    pool.ask(job("a", "r1"))
    with pytest.raises(ConfigError, match="already training or waiting"):
        pool.ask(job("b", "r1"))


@pytest.mark.parametrize(
    ("status", "said", "shown"),
    [
        (0, "", None),
        (130, "stopped", None),
        (-15, "", None),
        (1, "a warning\nerror: the disk is full.\n", "the disk is full."),
        (-9, "", "ended unexpectedly (status -9)"),
        (1, 'Traceback\n  File "/srv/lab/x.py"\nKeyError: 1', "ended unexpectedly (status 1)"),
    ],
)
def test_the_last_words_of_a_process_are_a_sentence_or_none(status, said, shown):
    words = describe_end(status, said)
    assert (words is None) is (shown is None)
    assert words is None or (shown in words and "/srv" not in words)
