"""A hook that torch.compile does not trace, and that does nothing in a copy of the module."""

import sys
from collections.abc import Callable
from typing import Any

import torch


class Hook:
    """Calls a function. In a copied or pickled module the hook does nothing, so that the copy is not watched."""

    def __init__(self, function: Callable[..., None] | None = None) -> None:
        self._function = function
        if function is not None and "torch._dynamo" in sys.modules:  # importing it here would take seconds
            self._function = torch.compiler.disable(function)

    def __call__(self, *arguments: Any) -> None:
        """Call the function, if the hook still has one."""
        if self._function is not None:
            self._function(*arguments)

    def __reduce__(self) -> tuple[type["Hook"], tuple[()]]:
        return Hook, ()  # copy.deepcopy uses it, too
