"""The page's address, which follows its state."""

from dashboard.components.address.component import Arrival, note_arrival, write_address

__all__ = ["Arrival", "note_arrival", "write_address"]
