"""What a page has imported is taken out of the garbage collector's sight, once for all new modules."""

import gc
import sys
from types import ModuleType

from dashboard.server import live


def test_only_new_modules_are_a_reason_to_look_at_everything_again(monkeypatch):
    looked = []
    monkeypatch.setattr(live, "_spared", 0)
    monkeypatch.setattr(gc, "collect", lambda: looked.append("collected"))
    monkeypatch.setattr(gc, "freeze", lambda: looked.append("frozen"))
    live.spare_collector()
    live.spare_collector()
    assert looked == ["collected", "frozen"]
    monkeypatch.setitem(sys.modules, "a_module_of_another_page", ModuleType("a_module_of_another_page"))
    live.spare_collector()
    assert looked == ["collected", "frozen"] * 2
