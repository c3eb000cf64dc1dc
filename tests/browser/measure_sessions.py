"""Twenty people at once: how long a change waits for its answer, and what the server's memory does meanwhile.

Run by `make measure-sessions`, ten minutes long. Each session is a Streamlit session with its page open and the socket
that `components/live_lab/live_lab.js` opens; it changes one live control per second and waits for the picture and the
words, and every 20 seconds its page reruns, as it does when a hand lets go. The server has answered somebody before.
Three cells, T = 200, H = 64, batch 16. Loopback only.
"""

import asyncio
import json
import os
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil
from browsing import serve_app
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import ClientConnection, connect

SESSIONS = 20
SECONDS = float(os.environ.get("SECONDS_LONG", "600"))
RERUN_EVERY = 20
LIMIT_S = 2.0
CONTROLS = {
    "largest_singular_value": (0.5, 2.0),
    "forget_bias": (-2.0, 5.0),
    "input_scale": (0.1, 3.0),
    "seq_len": (100, 200),
}
STATE = {"seq_len": 200, "hidden_size": 64, "batch_size": 16}


def main() -> None:
    """Print the figures."""
    with tempfile.TemporaryDirectory() as folder:
        server, url = serve_app(Path(folder), Path(folder) / "log")
        try:
            asyncio.run(session(url, SESSIONS, time.monotonic() + 10))
            began = time.monotonic()
            changes, memory = asyncio.run(everybody(url, psutil.Process(server.pid)))
        finally:
            server.terminate()
            server.wait(timeout=10)
    print(f"{SESSIONS} sessions for {SECONDS:.0f} s: {len(changes)} changes answered")
    median, most, longest = np.quantile([change.waited for change in changes], [0.5, 0.99, 1.0])
    late = [change.asked - began for change in changes if change.waited > LIMIT_S]
    print(f"answered within: median {median:.2f} s, 99 % {most:.2f} s, longest {longest:.2f} s")
    print(f"later than {LIMIT_S} s: {len(late)}, asked after {', '.join(f'{at:.0f}' for at in sorted(late)) or 'no'} s")
    parts = np.array_split(np.array(memory), 5)
    print("memory, MB, mean of each fifth: " + ", ".join(f"{part.mean() / 2**20:.0f}" for part in parts))


@dataclass(frozen=True)
class Change:
    """One change of a control, in seconds."""

    asked: float
    waited: float


async def everybody(url: str, server: psutil.Process) -> tuple[list[Change], list[int]]:
    """Every change of every session, and the server's memory (bytes) once a second."""
    end = time.monotonic() + SECONDS
    memory: list[int] = []
    sessions = [asyncio.create_task(session(url, k, end)) for k in range(SESSIONS)]
    while time.monotonic() < end:
        memory.append(server.memory_info().rss)
        await asyncio.sleep(1)
    return [change for changes in await asyncio.gather(*sessions) for change in changes], memory


async def session(url: str, k: int, end: float) -> list[Change]:
    """One person's changes."""
    socket_url, changes = url.replace("http", "ws"), []
    generator = np.random.default_rng(k)
    page = connect(f"{socket_url}/_stcore/stream", origin=url, subprotocols=["streamlit"], max_size=None)
    async with page as streamlit, connect(f"{socket_url}/live", origin=url, max_size=None) as live:
        await rerun(streamlit)
        await whole(streamlit)
        reader = asyncio.create_task(drain(streamlit))
        await asyncio.sleep(generator.uniform(0, 5))
        turn = 0
        while time.monotonic() < end:
            began = time.monotonic()
            await live.send(json.dumps(question(generator)))
            answer = json.loads(await live.recv())
            changes.append(Change(began, time.monotonic() - began))
            if "error" in answer:
                raise RuntimeError(answer["error"])
            turn += 1
            if turn % RERUN_EVERY == k % RERUN_EVERY:
                await rerun(streamlit)
            await asyncio.sleep(max(0.0, began + 1 - time.monotonic()))
        reader.cancel()
    return changes


def question(generator: np.random.Generator) -> dict[str, object]:
    """What the browser asks when a control has moved."""
    name = str(generator.choice(list(CONTROLS)))
    value = float(generator.uniform(*CONTROLS[name]))
    moved = {name: round(value) if name == "seq_len" else value}
    return {"lab": "explore", "state": {**STATE, **moved}, "charts": ["profile"], "words": True}


async def rerun(streamlit: ClientConnection) -> None:
    """Ask for the whole page."""
    message = BackMsg()
    message.rerun_script.query_string = "&".join(f"{name}={value}" for name, value in STATE.items())
    await streamlit.send(message.SerializeToString())


async def whole(streamlit: ClientConnection) -> None:
    """Wait until the page is there: before that nobody changes anything."""
    async for data in streamlit:
        message = ForwardMsg()
        message.ParseFromString(data)
        if message.WhichOneof("type") == "script_finished":
            return


async def drain(streamlit: ClientConnection) -> None:
    """Read what the page is sent, as a browser would."""
    async for _ in streamlit:
        pass


if __name__ == "__main__":
    main()
