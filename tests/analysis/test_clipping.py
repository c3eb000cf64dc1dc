"""The four rules against their definitions, torch's own, and gradients that no dtype holds."""

import math

import pytest
import torch
from oracles import linear_model

from analysis.clipping import AFTER_THE_PASS, clip, total_log_norm
from analysis.figures.clipping import clipping_picture
from models import record


def gradient(norm, seed=0):
    generator = torch.Generator().manual_seed(seed)
    grads = {name: torch.randn(shape, generator=generator, dtype=torch.float64) for name, shape in
             {"a": (3, 4), "b": (5,), "c": (2, 2)}.items()}  # fmt: skip
    size = math.sqrt(sum(float((g**2).sum()) for g in grads.values()))
    return {name: g * (norm / size) for name, g in grads.items()}


def norm(grads):
    return math.sqrt(sum(float((g.double() ** 2).sum()) for g in grads.values()))


@pytest.mark.parametrize(("size", "threshold"), [(10, 1), (0.3, 1), (1e-12, 1e-20), (1e100, 5), (4.999, 5)])
def test_norm_rule_scales_to_the_threshold_and_keeps_the_direction(size, threshold):
    grads = gradient(size)
    result = clip(grads, threshold)
    assert norm(result.grads) == pytest.approx(min(size, threshold), rel=1e-12)
    assert math.exp(result.log_norm_after) == pytest.approx(min(size, threshold), rel=1e-10)
    assert math.exp(result.log_norm_before) == pytest.approx(size, rel=1e-10)
    assert result.cosine == pytest.approx(1, abs=1e-12)
    assert result.engaged == (size > threshold)
    assert result.touched == (("a", "b", "c") if size > threshold else ())


def test_norm_rule_equals_torch():
    grads = gradient(10)
    parameters = [torch.nn.Parameter(g.clone()) for g in grads.values()]
    for p, g in zip(parameters, grads.values(), strict=True):
        p.grad = g.clone()
    torch.nn.utils.clip_grad_norm_(parameters, 2.0)
    for p, g in zip(parameters, clip(grads, 2.0).grads.values(), strict=True):
        assert torch.allclose(p.grad, g, rtol=1e-5)  # torch adds 1e-6 to the norm


def test_value_rule_limits_each_entry_and_turns_the_gradient():
    grads = gradient(10)
    result = clip(grads, 0.5, "value")
    for name, g in result.grads.items():
        assert torch.equal(g, grads[name].clamp(-0.5, 0.5))
    assert math.exp(result.log_norm_after) == pytest.approx(norm(result.grads))
    a, b = (torch.cat([g.flatten() for g in d.values()]) for d in (grads, result.grads))
    assert result.cosine == pytest.approx(float(a @ b / a.norm() / b.norm()))
    assert result.cosine < 0.99


def test_per_parameter_rule_clips_each_by_itself():
    grads = gradient(10) | {"c": torch.full((2, 2), 1e-3, dtype=torch.float64)}
    result = clip(grads, 1.0, "per_parameter")
    assert result.touched == ("a", "b")
    assert norm({"a": result.grads["a"]}) == pytest.approx(1)
    assert torch.equal(result.grads["c"], grads["c"])
    a, b = (torch.cat([g.flatten() for g in d.values()]) for d in (grads, result.grads))
    assert result.cosine == pytest.approx(float(a @ b / a.norm() / b.norm()))
    assert math.exp(result.log_norm_after) == pytest.approx(norm(result.grads))


@pytest.mark.parametrize(("size", "left"), [(10, 0.5), (100, 0.05), (2.3, 5 / 2.3), (2.2, 2.2)])
def test_the_lecture_slides_squared_norm_shrinks_large_gradients_most(size, left):
    """τ = 5: norm 10 → .5 and 100 → .05; it engages at √5 = 2.236 and not at 5."""
    result = clip(gradient(size), 5, "squared_norm")
    assert norm(result.grads) == pytest.approx(left)
    assert math.exp(result.log_norm_after) == pytest.approx(left)
    assert result.engaged == (size > math.sqrt(5))


@pytest.mark.parametrize("rule", AFTER_THE_PASS)
def test_no_threshold_changes_nothing(rule):
    grads = gradient(1e6)
    result = clip(grads, None, rule)
    assert result.grads == grads
    assert not result.engaged
    assert result.cosine == 1


@pytest.mark.parametrize("threshold", [None, 1.0])
def test_a_caption_explains_what_is_drawn(threshold):
    made = clipping_picture({"elman": clip(gradient(3.0), threshold)})
    assert ("threshold" in made.sentence) == ("Rings" in made.sentence) == (threshold is not None)


def test_a_gradient_beyond_the_dtype_is_clipped_by_its_log_norm():
    """An exploding float32 network: the gradient is infinite in its dtype, the norms before and after are not."""
    model = linear_model(3 * torch.eye(5), torch.float32)
    trace = record(model, torch.zeros(200, 2, 1), lambda outputs: outputs[-1].sum())
    assert not all(g.isfinite().all() for g in trace.parameter_grads.values())
    result = clip(trace.parameter_grads, 1.0, "norm", trace.parameter_log_norm)
    assert 150 < result.log_norm_before < 1000
    assert result.log_norm_after == pytest.approx(0, abs=1e-9)
    assert result.cosine == pytest.approx(1)
    squared = clip(trace.parameter_grads, 1.0, "squared_norm", trace.parameter_log_norm)
    assert squared.log_norm_after == pytest.approx(-result.log_norm_before)


def test_zero_and_diverged_gradients_are_results():
    zero = clip({"a": torch.zeros(3)}, 1.0)
    assert zero.log_norm_before == zero.log_norm_after == -math.inf
    assert not zero.engaged
    assert math.isnan(zero.cosine)
    diverged = clip({"a": torch.tensor([math.nan, 1.0])}, 1.0)
    assert math.isnan(diverged.log_norm_before)
    assert math.isnan(diverged.grads["a"][0])


def test_total_log_norm_of_sizes_that_have_no_squares():
    assert total_log_norm({"a": 500.0, "b": 500.0}) == pytest.approx(500 + math.log(2) / 2)
    assert total_log_norm({"a": -math.inf, "b": -700.0}) == pytest.approx(-700)


@pytest.mark.unchecked
def test_wrong_arguments_are_named():
    with pytest.raises(ValueError, match="rule was 'l1'"):
        clip(gradient(1), 1.0, "l1")
    for threshold in (0.0, -1.0, math.nan):
        with pytest.raises(ValueError, match="threshold was"):
            clip(gradient(1), threshold)


@pytest.mark.parametrize("threshold", [None, 1.0])
def test_clipping_does_not_claim_what_is_not_a_number(threshold):
    result = clip({"a": torch.tensor([math.nan, 1.0]), "b": torch.tensor([3.0])}, threshold)
    assert not result.engaged
    assert math.isnan(result.cosine)


@pytest.mark.parametrize("rule", AFTER_THE_PASS)
def test_a_zero_gradient_has_no_direction(rule):
    zero = {"a": torch.zeros(3)}
    assert math.isnan(clip(zero, None).cosine)
    assert math.isnan(clip(zero, 1.0, rule).cosine)
    assert not clip(zero, 1.0, rule).engaged


def test_the_slides_rule_on_a_gradient_whose_square_does_not_exist():
    result = clip({"a": torch.tensor([5e200], dtype=torch.float64)}, 1.0, "squared_norm")
    assert result.grads["a"].item() == pytest.approx(1 / 5e200, rel=1e-12)
    assert math.exp(result.log_norm_after) == pytest.approx(1 / 5e200, rel=1e-10)


def test_a_parameter_without_entries_has_a_gradient_of_zero():
    """A minGRU's recurrent matrix is empty."""
    result = clip({"a": torch.tensor([3.0, 4.0]), "empty": torch.zeros(0, 2)}, 1.0, "value")
    assert result.parameter_log_norm_after == {"a": pytest.approx(math.log(2) / 2), "empty": -math.inf}
    assert clip({"empty": torch.zeros(0, 2)}, None).log_norm_before == -math.inf


def test_no_gradients_are_refused():
    with pytest.raises(ValueError, match="grads is empty"):
        clip({}, 1.0)


@pytest.mark.parametrize(("dtype", "size"), [(torch.float32, 1e25), (torch.float64, 1e250), (torch.float16, 60000.0)])
def test_a_factor_that_the_dtype_cannot_hold_leaves_what_it_can(dtype, size):
    """1e25 · 1e-50 is a normal float32, and 1e-50 is none."""
    given = torch.tensor([size], dtype=dtype)
    clipped = clip({"a": given}, 1.0, "squared_norm")
    assert clipped.grads["a"].item() == pytest.approx(1 / given.item(), rel=2e-3 if dtype == torch.float16 else 1e-5)
    assert clipped.log_norm_after == pytest.approx(math.log(1 / given.item()), abs=1e-3)
