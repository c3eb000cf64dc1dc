"""JAX's way to see every gradient: a jitted scan whose states get a perturbation of zero. Runs in an environment apart.

    s_t = step(x_t, s_{t−1}) + p_t,  p_t = 0:    dL/dp_t = dL/ds_t, the total gradient

It imports nothing of the lab. Each line of its input is a task: `load FILE` (an .npz file), answered by
ln‖dL/dh_1‖, or `time COUNT`, answered by the least processor seconds of so many passes.
"""

import sys
import time
from typing import Any

import jax
import numpy as np
from jax import numpy as jnp

Arrays = dict[str, Any]


def elman(a: Any, state: Any, W: Any, b: Any) -> tuple[Any, Any]:
    """h = tanh(W_hh h' + …)."""
    return (jnp.tanh(a + state[0] @ W.T + b),), ()


def gru(a: Any, state: Any, W: Any, b: Any) -> tuple[Any, Any]:
    """torch's GRU."""
    (h,) = state
    a_r, a_z, a_n = jnp.split(a, 3, axis=-1)
    v_r, v_z, v_n = jnp.split(h @ W.T + b, 3, axis=-1)
    r, z = jax.nn.sigmoid(a_r + v_r), jax.nn.sigmoid(a_z + v_z)
    n = jnp.tanh(a_n + r * v_n)
    return ((1 - z) * n + z * h,), (r, z, n)


def lstm(a: Any, state: Any, W: Any, b: Any) -> tuple[Any, Any]:
    """torch's LSTM."""
    h, c = state
    i, f, g, o = jnp.split(a + h @ W.T + b, 4, axis=-1)
    i, f, g, o = jax.nn.sigmoid(i), jax.nn.sigmoid(f), jnp.tanh(g), jax.nn.sigmoid(o)
    c = f * c + i * g
    return (o * jnp.tanh(c), c), (i, f, g, o)


STEPS = {"elman": elman, "gru": gru, "lstm": lstm}


def pass_of(cell: str, every: bool) -> Any:
    """The jitted pass: weights, perturbations, inputs → (loss, (states, gates)), and the gradients of the first two."""
    step = STEPS[cell]

    def loss(w: Arrays, perturbations: Any, x: Any) -> tuple[Any, Any]:
        a = x @ w["weight_ih"].T + w["bias_ih"]
        zero = tuple(jnp.zeros_like(p[0]) for p in perturbations)

        def one(state: Any, at_t: Any) -> tuple[Any, Any]:
            a_t, p_t = at_t
            clean, gates = step(a_t, state, w["weight_hh"], w["bias_hh"])
            state = tuple(s + p for s, p in zip(clean, p_t, strict=True))
            return state, (state, gates)

        _, (states, gates) = jax.lax.scan(one, zero, (a, perturbations))
        outputs = states[0] @ w["weight"].T + w["bias"]
        read = outputs if every else outputs[-1]
        return (read**2).mean(), (states, gates)

    return jax.jit(jax.value_and_grad(loss, argnums=(0, 1), has_aux=True))


def main() -> None:
    """Answer tasks until the input ends."""
    run: Any = None
    for line in sys.stdin:
        task, _, what = line.strip().partition(" ")
        if task == "load":
            arrays = dict(np.load(what))
            cell, every = str(arrays.pop("cell")), bool(arrays.pop("every"))
            x = jnp.asarray(arrays.pop("x"))
            w = {name: jnp.asarray(array) for name, array in arrays.items()}
            shape = (*x.shape[:2], w["weight_hh"].shape[1])
            zeros = tuple(jnp.zeros(shape, x.dtype) for _ in range(1 + (cell == "lstm")))
            compiled = pass_of(cell, every)

            def run(compiled: Any = compiled, w: Any = w, zeros: Any = zeros, x: Any = x) -> Any:
                return jax.block_until_ready(compiled(w, zeros, x))

            first = np.asarray(run()[1][1][0][0], np.float64)
            with np.errstate(divide="ignore"):
                print(np.log(np.linalg.norm(first)), flush=True)
        else:
            times = []
            for _ in range(int(what)):
                start = time.process_time()
                run()
                times.append(time.process_time() - start)
            print(min(times), flush=True)


if __name__ == "__main__":
    main()
