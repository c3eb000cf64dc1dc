"""Singular values, eigenvalues and departure from normality, where they are known."""

import math

import numpy as np
import pytest
import torch
from oracles import make_model, random_orthogonal

from analysis.spectrum import block_spectra, spectral_norm, spectrum


def test_norm_is_not_radius():
    """One matrix with a large entry that vanishes in two steps, and one with small entries that explodes."""
    nilpotent = spectrum(np.array([[0.0, 10], [0, 0]]))
    assert nilpotent.spectral_norm == 10
    assert nilpotent.spectral_radius == 0
    assert nilpotent.departure_from_normality == 1
    ones = spectrum(0.1 * torch.ones(64, 64))
    assert ones.spectral_radius == pytest.approx(6.4, abs=1e-6)
    assert ones.departure_from_normality == pytest.approx(0, abs=1e-6)


def test_orthogonal_and_scaled():
    s = spectrum(0.7 * random_orthogonal(9))
    assert np.abs(s.singular_values - 0.7).max() < 1e-14
    assert np.abs(np.abs(s.eigenvalues) - 0.7).max() < 1e-14
    assert s.departure_from_normality < 1e-6
    assert s.finite


def test_departure_from_normality_is_the_strictly_upper_part_of_schur():
    W = np.triu(np.random.default_rng(0).normal(size=(7, 7)))
    expected = np.linalg.norm(np.triu(W, 1)) / np.linalg.norm(W)
    assert spectrum(W).departure_from_normality == pytest.approx(expected)
    assert np.allclose(np.abs(spectrum(W).eigenvalues), np.sort(np.abs(np.diag(W)))[::-1])


def test_zero_and_diverged_matrices_say_so():
    zero = spectrum(np.zeros((3, 3)))
    assert (zero.spectral_norm, zero.spectral_radius, zero.departure_from_normality, zero.finite) == (0, 0, 0, True)
    W = np.eye(3)
    W[1, 1] = np.inf
    broken = spectrum(W)
    assert not broken.finite
    assert math.isnan(broken.spectral_norm)
    assert np.isnan(broken.singular_values).all()


@pytest.mark.parametrize("W", [np.zeros((2, 3)), np.zeros(4), np.zeros((0, 0))])
def test_a_matrix_that_is_not_square_is_named(W):
    for ask in (spectrum, spectral_norm):
        with pytest.raises(ValueError, match="weight has shape"):
            ask(W)


@pytest.mark.parametrize(("cell", "names"), [("elman", ["h"]), ("lstm", list("ifgo")), ("gru", list("rzn"))])
def test_blocks_are_the_gates_in_torch_order(cell, names):
    model = make_model(cell, {})
    spectra = block_spectra(model.recurrent.cell(0))
    assert list(spectra) == names
    W = model.recurrent.weight_hh_l0.detach()
    for k, s in enumerate(spectra.values()):
        assert s.spectral_norm == pytest.approx(torch.linalg.matrix_norm(W[5 * k : 5 * k + 5], 2).item())


@pytest.mark.parametrize("size", [1e-170, 1.0, 1e160])
def test_the_departure_from_normality_does_not_depend_on_size(size):
    nilpotent = spectrum(np.array([[0, size], [0, 0]]))
    assert nilpotent.departure_from_normality == 1
    assert spectrum(size * np.eye(3)).departure_from_normality == 0


def test_the_radius_is_never_above_the_norm():
    for seed in range(50):
        found = spectrum(random_orthogonal(8, seed))
        assert found.spectral_radius <= found.spectral_norm


def test_what_is_kept_for_the_next_cannot_be_written():
    with pytest.raises(ValueError, match="read-only"):
        spectrum(np.eye(3)).singular_values[0] = 99


def test_the_norm_alone_is_the_spectrums():
    W = np.random.default_rng(0).normal(size=(7, 7))
    assert spectral_norm(W) == spectrum(W).spectral_norm
    assert math.isnan(spectral_norm(np.full((2, 2), np.inf)))
