"""What a copy of a prepared process does is what the same program does that starts from nothing."""

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from kill_training import read_all, same

from dashboard.train.programs import Programs
from experiments.copies import CAN_COPY, ROOT, Copy, Original
from experiments.runs.opening import open_run

pytestmark = [pytest.mark.processes, pytest.mark.skipif(not CAN_COPY, reason="only Linux copies processes so")]
RUN = ["run", "hidden_size=4", "seq_len=10", "batch_size=2", "record_every=5", "--name", "it", "--quiet", "--runs"]


@pytest.fixture(scope="module")
def programs():
    made = Programs()
    made.prepare()
    assert made.original.is_ready(None)
    yield made
    process = made.original._process
    del made.original
    assert process.wait(20) == 0, "it ends with those who could ask it"


def test_it_records_the_same_bits_and_has_no_threads_of_its_original(programs, tmp_path):
    number = programs.original._process.pid
    others = [task / "comm" for task in Path(f"/proc/{number}/task").iterdir() if task.name != str(number)]
    assert {comm.read_text() for comm in others} <= {"jemalloc_bg_thd\n"}, "a copy would lack them"
    copy = programs.start([*RUN, str(tmp_path / "copied"), "steps=20"], tmp_path / "said")
    assert isinstance(copy, Copy)
    assert copy.wait(60) == 0, (tmp_path / "said").read_text()
    command = [sys.executable, "-m", "experiments", *RUN, str(tmp_path / "started"), "steps=20"]
    subprocess.run(command, cwd=ROOT, check=True, stderr=subprocess.DEVNULL)
    copied, started = (open_run(tmp_path / where / "it") for where in ("copied", "started"))
    same(read_all(copied, 0), read_all(started, 0))


def test_its_mistake_is_the_same_sentence_and_status(programs, tmp_path):
    words = ["run", "cell=gruu", "--runs", str(tmp_path)]
    copy = programs.start(words, tmp_path / "said")
    started = subprocess.run(
        [sys.executable, "-m", "experiments", *words], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert copy.wait(60) == started.returncode == 2
    assert (tmp_path / "said").read_text() == started.stderr


def test_it_is_asked_to_stop_and_killed_and_all_who_wait_hear_it(programs, tmp_path):
    endings = []
    for number, how in ((signal.SIGTERM, Copy.terminate), (signal.SIGKILL, Copy.kill)):
        words = [*RUN, str(tmp_path / number.name), "steps=10_000_000"]
        copy = programs.start(words, tmp_path / "said")
        assert copy.poll() is None
        assert os.getpgid(copy.pid) == copy.pid, "a signal to the server's terminal does not reach it"
        with ThreadPoolExecutor(4) as waiting:
            waits = [waiting.submit(copy.wait, 60) for _ in range(4)]
            how(copy)
            endings.append({wait.result() for wait in waits})
        copy.terminate()  # it is over, and nobody else gets the signal
    assert endings[1] == {-signal.SIGKILL}
    assert len(endings[0]) == 1


def test_it_finds_modules_where_the_server_does(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "own"))
    original = Original.begin("-m", "experiments.prepared")
    with (tmp_path / "said").open("wb") as out:
        assert original.copy("site", [], os.environ, out.fileno(), out.fileno()).wait(60) == 0
    said = (tmp_path / "said").read_text()
    assert said.index(f"'{ROOT}'") < said.index(f"'{tmp_path / 'own'}'")


def test_where_the_original_has_died_a_program_starts_from_nothing_and_another_is_prepared(tmp_path):
    programs = Programs()
    programs.prepare()
    original = programs.original
    assert original.is_ready(None)
    running = programs.start([*RUN, str(tmp_path / "a"), "steps=10_000_000"], tmp_path / "said")
    original._process.kill()
    original._process.wait()
    started = programs.start(["show", "none", "--runs", str(tmp_path)], tmp_path / "said")
    assert isinstance(started, subprocess.Popen)
    assert started.wait(60) == 2
    running.kill()  # a copy outlives its original
    assert running.wait(20) is not None
    programs.prepare()
    assert programs.original is not original
