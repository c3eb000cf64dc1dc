"""The codes of rooms: drawn at random, read as people type them, and too many for a stranger to try."""

import ipaddress
import secrets
from collections import OrderedDict

from dashboard.room.errors import RoomError
from dashboard.server.checks import shorten_value

SIGNS = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"
"""31 letters and digits; of those that look alike (0 and O, 1 and I and L), none."""
LENGTH = 6
EXAMPLE = "K7QD4X"

LONGEST_TYPED = 40
"""Letters of a typed code: more than its six with blanks and hyphens between them."""

WRONG_AT_ONCE = 30.0
"""Wrong codes that one network may try at once: a class that mistypes. There are 31⁶ = 9×10⁸ codes."""
WRONG_A_SECOND = 0.2
"""How fast it may try more: in four hours, all of a server's rooms are hit with a chance of 10⁻⁴."""
MOST_NETWORKS = 4096
"""Networks whose wrong codes are counted at the same time."""


def draw_code() -> str:
    """A code that nobody can foresee."""
    return "".join(secrets.choice(SIGNS) for _ in range(LENGTH))


def read_code(given: object) -> str:
    """The code that somebody typed, or that stands in a link: case, blanks and hyphens do not matter.

    Raises:
        RoomError: no code looks like this.
    """
    typed = given if isinstance(given, str) and len(given) <= LONGEST_TYPED else ""
    text = typed.replace(" ", "").replace("-", "").upper()
    if len(text) != LENGTH or any(sign not in SIGNS for sign in text):
        raise RoomError(
            f"The code was {shorten_value(given)}; a code has {LENGTH} letters and digits, as in {EXAMPLE}. Type the "
            "code that your teacher shows."
        )
    return text


class WrongCodes:
    """How many wrong codes each network may still try. Not for threads."""

    def __init__(self) -> None:
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()
        """Network → codes that it had left, and when (seconds). Who tried last comes last."""

    def may_try(self, address: str, now: float) -> bool:
        """Whether this network has a try left."""
        return self._left_now(network_of(address), now) >= 1

    def count(self, address: str, now: float) -> None:
        """Count one wrong code of this network."""
        network = network_of(address)
        self._left[network] = (self._left_now(network, now) - 1, now)
        self._left.move_to_end(network)
        if len(self._left) > MOST_NETWORKS:
            self._left.popitem(last=False)

    def _left_now(self, network: str, now: float) -> float:
        left, then = self._left.get(network, (WRONG_AT_ONCE, now))
        return min(left + (now - then) * WRONG_A_SECOND, WRONG_AT_ONCE)


def network_of(address: str) -> str:
    """What one person may be given whole: an IPv4 address, or the 64 leading bits of an IPv6 address."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return ""
    return address if found.version == 4 else str(ipaddress.ip_network(f"{found}/64", strict=False).network_address)
