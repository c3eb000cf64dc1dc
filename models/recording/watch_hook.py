"""A hook that a copy of the module does not take along."""

from collections.abc import Callable
from typing import Any


class Hook:
    """Calls a function; a copied or pickled module keeps a hook that does nothing, and not the one who watches."""

    def __init__(self, function: Callable[..., None] | None = None) -> None:
        self._function = function

    def __call__(self, *arguments: Any) -> None:
        """Call the function, if there still is one."""
        if self._function is not None:
            self._function(*arguments)

    def __reduce__(self) -> tuple[type["Hook"], tuple[()]]:
        return Hook, ()  # copy.deepcopy uses it, too
