"""Turns: so many at a time, one of each client in its turn, and none is lost."""

import asyncio
from collections.abc import Coroutine

import pytest
from coroutines import run_coroutine

from dashboard.server.turns import Turns


def test_a_client_with_many_questions_waits_behind_one_with_a_single_one():
    order: list[str] = []

    async def ask(turns: Turns, client: str, name: str) -> None:
        async with turns.turn(client):
            order.append(name)
            await asyncio.sleep(0)

    async def all_of_them() -> None:
        turns = Turns(1)
        asks: list[Coroutine[None, None, None]] = [ask(turns, "many", f"many {k}") for k in range(5)]
        await asyncio.gather(*asks, ask(turns, "one", "one"), ask(turns, "two", "two 0"), ask(turns, "two", "two 1"))

    run_coroutine(all_of_them())
    assert order == ["many 0", "many 1", "one", "two 0", "many 2", "two 1", "many 3", "many 4"]


@pytest.mark.parametrize("at_once", [1, 2, 3])
def test_never_more_are_let_in_than_allowed_and_all_come_in(at_once):
    inside, most, done = 0, 0, 0

    async def ask(turns: Turns, client: str) -> None:
        nonlocal inside, most, done
        async with turns.turn(client):
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0.001)
            inside -= 1
            done += 1

    async def all_of_them() -> None:
        turns = Turns(at_once)
        await asyncio.gather(*(ask(turns, str(k % 4)) for k in range(20)))

    run_coroutine(all_of_them())
    assert (most, done) == (at_once, 20)


def test_who_leaves_while_waiting_or_just_as_its_turn_comes_passes_it_on():
    async def all_of_them() -> list[str]:
        turns, entered = Turns(1), []

        async def ask(client: str) -> None:
            async with turns.turn(client):
                entered.append(client)

        async with turns.turn("first"):
            asks = {client: asyncio.create_task(ask(client)) for client in ("leaves", "unlucky", "stays")}
            await asyncio.sleep(0)
            asks["leaves"].cancel()
            await asyncio.sleep(0)
        asks["unlucky"].cancel()  # its turn has come, and it does not know yet
        async with asyncio.timeout(1):
            await asks["stays"]
            async with turns.turn("later"):
                entered.append("later")
        return entered

    assert run_coroutine(all_of_them()) == ["stays", "later"]


def test_a_question_that_fails_passes_its_turn_on():
    async def all_of_them() -> None:
        turns = Turns(1)
        for _ in range(3):
            with pytest.raises(ZeroDivisionError):
                async with turns.turn("a"):
                    raise ZeroDivisionError
        async with asyncio.timeout(1), turns.turn("b"):
            pass

    run_coroutine(all_of_them())
