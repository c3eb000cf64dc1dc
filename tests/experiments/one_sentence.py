"""What an error says: one sentence in one line."""

import pytest


def one_sentence(error: pytest.ExceptionInfo[BaseException]) -> str:
    """The message, which is one sentence in one line."""
    message = str(error.value)
    assert message.endswith(".")
    assert "\n" not in message
    return message


def assert_one_sentence(message: str) -> None:
    assert message.endswith(".")
    assert "\n" not in message
    assert ". " not in message
