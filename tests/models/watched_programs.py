"""Holds a watched program to itself unwatched, and to explicit loops in the place of its recurrent modules."""

import torch
from explicit_loops import states_and_gradients, with_loops

from models import watch
from models.bptt.scaled import true_value


def check(network, run, **watched_as):
    """Run a program unwatched, watched, and with loops in the place of its recurrent modules; return what was seen.

    Args:
        network: the user's own.
        run: the user's own training step on it, up to `backward`; gives back its loss.
        watched_as: the name in the watched network → the name of the loop, where they differ.
    """
    twin, looped = with_loops(network)
    results = []
    for is_watched in (False, True):
        network.zero_grad()
        torch.manual_seed(5)
        if is_watched:
            with watch(network) as seen:
                value = run(network)
        else:
            value = run(network)
        results.append((value.detach(), {n: p.grad for n, p in network.named_parameters()}, torch.get_rng_state()))
    (loss, grads, random_state), (watched_loss, watched_grads, watched_random_state) = results
    assert torch.equal(loss, watched_loss)
    assert torch.equal(random_state, watched_random_state)
    assert all(a is watched_grads[n] is None or torch.equal(a, watched_grads[n]) for n, a in grads.items())

    torch.manual_seed(5)
    assert torch.allclose(run(twin), loss, rtol=0, atol=1e-12)
    for name in seen.names:
        calls = looped[watched_as.get(name, name)].calls
        traces, first = seen.calls(name), 0
        for trace in traces:
            if len(traces) == 1:
                own = calls
            else:
                own, first = calls[first : first + 1], first + 1
            for k, layer in enumerate(trace.layers):
                for which in range(len(layer.after)):
                    states, total = states_and_gradients(own, k, which)
                    assert torch.allclose(layer.after[which], states, rtol=0, atol=1e-10), (name, k, which)
                    assert torch.allclose(true_value(layer.total[which]), total, rtol=0, atol=1e-10), (name, k, which)
    return seen
