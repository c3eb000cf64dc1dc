"""What an error of the run folder says."""

import pytest


def one_sentence(error: pytest.ExceptionInfo[BaseException]) -> str:
    """The message, which is one sentence in one line."""
    message = str(error.value)
    assert message.endswith(".")
    assert "\n" not in message
    return message
