"""Every page that answers a drag by the short way, by its name in the address."""

from dashboard.explore_frame import explore_lab
from dashboard.frame import Lab

LABS: dict[str, Lab] = {"explore": explore_lab}
