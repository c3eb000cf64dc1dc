"""The page's address, which follows its state."""

from dashboard.components.address.component import Arrival, note_arrival, visit_number, write_address

__all__ = ["Arrival", "note_arrival", "visit_number", "write_address"]
