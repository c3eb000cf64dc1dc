"""A hook that a compiler leaves alone and that a copy of the module does not take along."""

import sys
from collections.abc import Callable
from typing import Any

import torch


class Hook:
    """Calls a function; a copied or pickled module keeps a hook that does nothing, and not the one who watches."""

    def __init__(self, function: Callable[..., None] | None = None) -> None:
        self._function = function
        if function is not None and "torch._dynamo" in sys.modules:  # importing it here would take seconds
            self._function = torch.compiler.disable(function)

    def __call__(self, *arguments: Any) -> None:
        """Call the function, if there still is one."""
        if self._function is not None:
            self._function(*arguments)

    def __reduce__(self) -> tuple[type["Hook"], tuple[()]]:
        return Hook, ()  # copy.deepcopy uses it, too
