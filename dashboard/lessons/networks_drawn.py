"""The network that each lesson asks about, as a diagram for its first beat."""

from collections.abc import Sequence

from dashboard.lessons.diagram import Arrow, Diagram, Node

MIDDLE = 70
"""Height of a chain of states."""


def _chain(labels: Sequence[str], weight: str, y: float = MIDDLE, right: float = 325) -> tuple[list[Node], list[Arrow]]:
    """States from left to right, each read by the next one; `…` stands for those that are left out."""
    gap = (right - 30) / (len(labels) - 1)
    nodes = [Node(30 + gap * k, y, label, "word" if label == "…" else "unit") for k, label in enumerate(labels)]
    return nodes, [Arrow(k, k + 1, weight) for k in range(len(nodes) - 1)]


def _unrolled(weight: str, says: str) -> Diagram:
    """A network over its timesteps, with a loss at the last one."""
    nodes, arrows = _chain(("h_0", "h_1", "…", "h_{T−1}", "h_T"), weight)
    return Diagram(
        says,
        (*nodes, Node(388, MIDDLE, "loss L", "word")),
        (*arrows, Arrow(4, 5), Arrow(4, 0, "the gradient goes back", back=True)),
    )


ONE_NEURON = _unrolled(
    "w",
    "One neuron over T timesteps. Each step multiplies its state by w. The loss reads the last state, and the "
    "gradient goes back from there to the first state.",
)

MATRIX_CHAIN = _unrolled(
    "W",
    "A network over T timesteps. Each step multiplies its states by the matrix W. The loss reads the last states, "
    "and the gradient goes back from there to the first ones.",
)

THREE_STEPS = Diagram(
    "One unit reads h, e and l at three timesteps. The states h1, h2 and h3 follow each other with the weight"
    " w. Each state has an output, which should be e, l and l, and a loss.",
    (
        *(Node(80 + 130 * k, 75, f"h_{k + 1}") for k in range(3)),
        *(Node(80 + 130 * k, 135, f"reads {c}", "word") for k, c in enumerate("hel")),
        *(Node(80 + 130 * k, 18, f"says {c}? loss L_{k + 1}", "word") for k, c in enumerate("ell")),
    ),
    (Arrow(0, 1, "w"), Arrow(1, 2, "w"), *(Arrow(3 + k, k) for k in range(3)), *(Arrow(k, 6 + k) for k in range(3))),
)

TWO_MATRICES = Diagram(
    "Two networks. In A, unit 2 sends its state to unit 1 with the weight 10, and there is no other "
    "connection. In B, each of 64 units is connected to every unit, itself too, with the weight 0.1.",
    (
        Node(45, 75, "1"),
        Node(135, 75, "2"),
        Node(90, 130, "A: one weight", "word"),
        Node(270, 40, "1"),
        Node(360, 40, "2"),
        Node(270, 95, "3"),
        Node(360, 95, "64"),
        Node(315, 137, "B: all weights 0.1", "word"),
    ),
    (Arrow(1, 0, "10"), *(Arrow(a, b) for a in range(3, 7) for b in range(3, 7) if a != b)),
)

RANDOM_TANH = Diagram(
    "Six of 128 tanh units. Each is connected to every unit by a random weight. There are no inputs.",
    (
        *(Node(40 + 120 * (k // 2), 35 + 75 * (k % 2), "tanh", "box") for k in range(6)),
        Node(372, 72, "128 units", "word"),
    ),
    # not between the ends of a row: the line would cross the box in the middle
    tuple(Arrow(a, b) for a in range(6) for b in range(6) if a != b and abs(a - b) != 4),
)

LOOP_TO_ERROR = Diagram(
    "One unit. Each step takes the sigmoid of the last value, multiplies it by w and adds b. After 50 steps "
    "the error E is the squared difference between the unit's output and 0.7.",
    (
        Node(60, 85, "x_0"),
        Node(185, 85, "w·σ(x) + b", "box"),
        Node(300, 85, "x_{50}"),
        Node(378, 85, "error E", "word"),
    ),
    (Arrow(0, 1), Arrow(1, 1, "50 steps"), Arrow(1, 2), Arrow(2, 3)),
)

_PARTS, _PART_ARROWS = _chain(("h_1", "h_2", "…", "h_T"), "W", 35, 250)

SUM_THEN_CLIP = Diagram(
    "A network over T timesteps. Each timestep gives a part of the gradient g of the weights. The parts are "
    "added up, and g is clipped before the optimiser takes its step.",
    (
        *_PARTS,
        Node(140, 115, "g = sum of all parts", "box"),
        Node(290, 115, "clip", "box"),
        Node(378, 115, "step", "word"),
    ),
    (*_PART_ARROWS, Arrow(0, 4), Arrow(1, 4), Arrow(3, 4), Arrow(4, 5), Arrow(5, 6)),
)

LSTM_UNIT = Diagram(
    "One step of an LSTM. The cell state c is multiplied by the forget gate f; the input gate i times the "
    "candidate g is added to it. The output gate o times tanh of c is the state h. All four gates read the "
    "last h.",
    (
        Node(40, 35, "c_{t−1}"),
        Node(140, 35, "× f", "box"),
        Node(240, 35, "+ i·g", "box"),
        Node(370, 35, "c_t"),
        Node(40, 120, "h_{t−1}"),
        Node(185, 120, "gates f, i, g, o", "box"),
        Node(370, 120, "h_t"),
    ),
    (
        Arrow(0, 1),
        Arrow(1, 2),
        Arrow(2, 3),
        Arrow(4, 5, "W"),
        Arrow(5, 1),
        Arrow(5, 2),
        Arrow(3, 6, "× o"),
        Arrow(5, 6, "o"),
    ),
)

GRU_AND_LSTM = Diagram(
    "A GRU has three blocks of weights: the gates r and z, and the candidate n. An LSTM has four: the gates "
    "i, f and o, and the candidate g. Both read the input and the last state.",
    (
        Node(60, 40, "x_t, h_{t−1}", "word"),
        *(Node(165 + 50 * k, 40, b, "box") for k, b in enumerate("rzn")),
        Node(375, 40, "h_t"),
        Node(225, 8, "GRU", "word"),
        Node(60, 115, "x_t, h_{t−1}", "word"),
        *(Node(155 + 45 * k, 115, b, "box") for k, b in enumerate("ifgo")),
        Node(375, 115, "h_t, c_t", "word"),
        Node(225, 83, "LSTM", "word"),
    ),
    (Arrow(0, 1), Arrow(3, 4), Arrow(6, 7), Arrow(10, 11)),
)

_BLOCKS, _BLOCK_ARROWS = _chain(("h_1", "h_{10}", "h_{20}", "h_{30}", "h_{35}", "h_{40}"), "", 85, 390)

CUT_CHAIN = Diagram(
    "A network over 40 timesteps. Boundaries after every 10 timesteps: the state crosses them, the gradient "
    "does not. The loss that is asked about is at timestep 35.",
    (*_BLOCKS, Node(318, 25, "loss at t = 35", "word")),
    (*_BLOCK_ARROWS, Arrow(4, 6)),
    (138, 210, 282),
)

NOISY_LATCH = Diagram(
    "One unit that reads its own state with the weight w. Its first input is +1 or −1, and all later inputs are noise.",
    (Node(90, 95, "+1 or −1, then noise", "word"), Node(250, 95, "tanh", "box"), Node(340, 95, "h_t")),
    (Arrow(0, 1), Arrow(1, 1, "w"), Arrow(1, 2)),
)

_SYMBOLS, _SYMBOL_ARROWS = _chain(("h_1", "…", "h_t", "…", "h_T"), "W")

WHICH_CAME_FIRST = Diagram(
    "A network reads T symbols. One near the beginning and one in the middle are X or Y, all others are "
    "noise. After the last symbol the network says which of X and Y came, and in which order.",
    (
        *_SYMBOLS,
        *(Node(x, 130, s, "word") for x, s in ((30, "X"), (177.5, "Y"), (325, "noise"))),
        Node(325, 18, "XX, XY, YX or YY?", "word"),
    ),
    (*_SYMBOL_ARROWS, Arrow(5, 0), Arrow(6, 2), Arrow(7, 4), Arrow(4, 8)),
)
