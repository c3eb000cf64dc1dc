"""A slow panel's pictures, computed one after the other beside the page, which goes on; newer settings end it."""

import ctypes
import logging
import threading
from collections.abc import Callable, Mapping
from typing import ClassVar
from weakref import WeakSet

from analysis.figures.picture import Picture
from dashboard.frame import Draw
from models.bptt.threads import use_one_thread


class SupersededError(Exception):
    """Newer settings have come, so that nobody waits for this computation."""


def always() -> bool:
    """Nobody ends this computation but `supersede`."""
    return True


class Computing:
    """Pictures to come, in a thread of their own. Where it begins, those that nobody waits for any more end."""

    _all: ClassVar[WeakSet["Computing"]] = WeakSet()
    _all_guard = threading.Lock()

    def __init__(
        self, about: tuple[object, ...], draws: Mapping[str, Draw], is_wanted: Callable[[], bool] = always
    ) -> None:
        self.about = about
        """What the pictures are of: the same object in the same place means the same pictures."""
        self.pictures: dict[str, Picture] = {}
        """Key of a chart → its picture, as soon as it is there."""
        self.error: Exception | None = None
        """What went wrong: no more pictures will come."""
        self.is_wanted = is_wanted
        """Whether somebody still waits for it: a page that is closed or loaded again does not."""
        self._draws = dict(draws)
        self._guard = threading.Lock()
        self._in_draws = False
        self._superseded = False
        self._thread = threading.Thread(target=self._run, name="computing", daemon=True)
        self._thread.start()
        with self._all_guard:
            left = [other for other in self._all if not other.is_done() and not other.is_wanted()]
            self._all.add(self)
        for other in left:
            other.supersede()

    def is_done(self) -> bool:
        """Whether nothing more will come."""
        return not self._thread.is_alive()

    def wait(self, seconds: float) -> None:
        """Wait until all is there, at most so long."""
        self._thread.join(seconds)

    @property
    def gave_way(self) -> bool:
        """Whether it was ended before all was there: who still wants the pictures begins again."""
        return self._superseded and self.pictures.keys() != self._draws.keys()

    def supersede(self) -> None:
        """End it at its next line of Python: a loop over timesteps ends within a step."""
        with self._guard:
            ends_now, self._superseded = self._in_draws and not self._superseded, True
            if ends_now:  # once, and never after its end: another thread may have its number by then
                number = ctypes.c_ulong(self._thread.ident or 0)
                ctypes.pythonapi.PyThreadState_SetAsyncExc(number, ctypes.py_object(SupersededError))

    def _run(self) -> None:
        try:
            with self._guard:
                self._in_draws = True
            use_one_thread()
            for key, draw in self._draws.items():
                if self._superseded:
                    break
                self.pictures[key] = draw()
        except SupersededError:
            pass
        except Exception as error:  # the page says it, in its own thread
            logging.getLogger(__name__).exception("A panel could not be computed.")
            self.error = error
        finally:
            with self._guard:
                self._in_draws = False
