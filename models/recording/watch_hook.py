"""A hook that torch.compile does not trace, and that does nothing in a copy of the module."""

import sys
from collections.abc import Callable
from typing import Any

import torch


class Hook:
    """Calls a function. In a copied or pickled module the hook does nothing, so that the copy is not watched."""

    def __init__(self, function: Callable[..., None] | None = None) -> None:
        self._function = function
        self._is_hidden = False  # from torch.compile
        self._hide()

    def __call__(self, *arguments: Any) -> None:
        """Call the function, if the hook still has one."""
        if self._function is not None:
            if not self._is_hidden:
                self._hide()
            self._function(*arguments)

    def _hide(self) -> None:
        """Where a program compiles; to import that part of torch would take seconds."""
        if self._function is not None and "torch._dynamo" in sys.modules:
            self._function, self._is_hidden = torch.compiler.disable(self._function), True

    def __reduce__(self) -> tuple[type["Hook"], tuple[()]]:
        return Hook, ()  # copy.deepcopy uses it, too
