"""Which of a network's layers and directions is looked at, as an index in the order of torch's `h_n` and in words."""


def index_of_layer(number: int, backwards: bool, num_layers: int, num_directions: int) -> int | None:
    """The index of a layer, from 1, and direction; None for the top one, forwards.

    0 stands for the top layer, and so does a layer that the network does not have.
    """
    layer = number if 1 <= number <= num_layers else num_layers
    index = num_directions * (layer - 1) + (1 if backwards and num_directions == 2 else 0)
    return None if index == num_directions * (num_layers - 1) else index


def describe_layer(index: int, num_layers: int, num_directions: int) -> str:
    """`layer 2 of 3, backwards`; empty for a network of one layer and direction."""
    parts = [f"layer {index // num_directions + 1} of {num_layers}"] if num_layers > 1 else []
    if num_directions == 2:
        parts.append("backwards" if index % 2 else "forwards")
    return ", ".join(parts)
