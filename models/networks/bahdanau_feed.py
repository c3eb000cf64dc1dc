"""Bahdanau's attention as what feeds a decoder: read step by step, and differentiated step by step on the way back."""

import torch
from jaxtyping import Float
from torch import Tensor

from models.bptt.fed_stack import Feed
from models.bptt.scaled import Scaled
from models.bptt.summed import on_one_scale, scaled_grad
from models.networks.attention import BahdanauAttention, Padding, States, additive_scores, read
from models.networks.network import Grads


class BahdanauFeed(Feed):
    """u_t = W h_{t−1},  k_i = U h_i + b,  α_t = softmax(v·tanh(u_t + k_i)),  context_t = Σ_i α_ti h_i.

    Each sequence's share of each gradient is kept with an exponent of its own.
    """

    def __init__(self, attention: BahdanauAttention, states: States, padding: Padding) -> None:
        B = states.shape[1]
        self.padding = padding
        weights = {name: weight.detach() for name, weight in attention.named_parameters()}
        self.query, self.key, v = (weights[f"{name}.weight"] for name in ("query", "key", "score"))
        with torch.enable_grad():
            self.states = states.detach().requires_grad_()
            self.keys = (states @ self.key.T + weights["key.bias"]).detach().requires_grad_()
            self.v = v.expand(B, -1).detach().clone().requires_grad_()
        self.weights: list[Tensor] = []
        """α_t of every step."""
        self.hidden: list[Tensor] = []
        self.graphs: list[tuple[Tensor, Tensor]] = []
        self.to_queries: list[Scaled] = []
        self.to_states, self.to_keys, self.to_v = (
            Scaled.of(torch.zeros_like(x)) for x in (self.states, self.keys, self.v)
        )

    def read(self, hidden: Float[Tensor, "batch unit"]) -> Float[Tensor, "batch unit"]:
        """See `Feed.read`."""
        with torch.enable_grad():
            u = (hidden @ self.query.T).detach().requires_grad_()
            scores = additive_scores(u[None], self.keys, self.v)
            (context,), (weights,) = read(scores, self.states, self.padding)
        self.weights.append(weights.detach())
        self.hidden.append(hidden.clone())
        self.graphs.append((u, context))
        return context.detach()

    def back(self, t: int, grad: Scaled) -> Scaled:
        """See `Feed.back`."""
        u, context = self.graphs[t]
        to_u, to_states, to_keys, to_v = torch.autograd.grad(
            context, (u, self.states, self.keys, self.v), grad.parts[0]
        )
        self.to_states = self.to_states.plus(over_source(to_states, grad.exponent))
        self.to_keys = self.to_keys.plus(over_source(to_keys, grad.exponent))
        self.to_v = self.to_v.plus(Scaled((to_v,), grad.exponent))
        self.to_queries.append(Scaled((to_u,), grad.exponent))
        return Scaled((to_u @ self.query,), grad.exponent)

    def to_memory(self) -> Scaled:
        """The gradient that all contexts send to the states they read, [source, batch, unit]."""
        through_keys = Scaled((self.to_keys.parts[0] @ self.key,), self.to_keys.exponent)
        return self.to_states.plus(through_keys)

    def parameter_grads(self) -> Grads:
        """The gradients of the attention's weights, by their names in its module."""
        parts = torch.stack([x.parts[0] for x in reversed(self.to_queries)])
        to_queries = Scaled((parts,), torch.stack([x.exponent for x in reversed(self.to_queries)]))
        to_u, of_u = on_one_scale(to_queries)
        to_keys, of_keys = on_one_scale(self.to_keys)
        to_v, of_v = on_one_scale(self.to_v)
        return {
            "query.weight": scaled_grad(torch.einsum("tbu,tbh->uh", to_u, torch.stack(self.hidden)), of_u),
            "key.weight": scaled_grad(torch.einsum("sbu,sbh->uh", to_keys, self.states.detach()), of_keys),
            "key.bias": scaled_grad(to_keys.sum((0, 1)), of_keys),
            "score.weight": scaled_grad(to_v.sum(0, keepdim=True), of_v),
        }


def over_source(grad: States, exponent: Tensor) -> Scaled:
    """A gradient [source, batch, unit] with one exponent per sequence."""
    return Scaled((grad,), exponent.expand(grad.shape[:2]))
