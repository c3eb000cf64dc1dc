"""One recorded forward and backward pass of any network, and its analyses."""

from abc import ABC, abstractmethod
from dataclasses import Field, replace
from functools import cached_property
from typing import Any, ClassVar, Self, final

import numpy as np
import torch
from jaxtyping import Float, Int64
from numpy import ndarray
from torch import Tensor

from analysis.cell_state import CellStateProfile, cell_state_profile
from analysis.clipping import Clipping
from analysis.course import Course, begin_sentence
from analysis.credit import Credit
from analysis.diagnosis import diagnose
from analysis.figures.symbols import Symbols
from analysis.finding import Finding, Subject
from analysis.fixed_points import FixedPoints, fixed_points
from analysis.gates import GateStatistics, gate_statistics
from analysis.jacobian import step_jacobians
from analysis.lyapunov import Lyapunov, lyapunov
from analysis.numbers import all_finite, log_quantile
from analysis.paths import Paths, paths
from analysis.product import ProductSpectrum, product_spectrum
from analysis.profile import Profile, profile_of_sizes
from analysis.spectrum import Spectrum, block_spectra, spectral_norm
from analysis.step_growth import StepGrowth, step_growth
from analysis.theory import MeanField, RateOverGain, gradient_bound, measured_mean_field, rate_over_gain
from analysis.transport import transport_course
from analysis.wording import counted
from experiments.probing.layer_choice import describe_layer, index_of_layer
from models import LayerRecord, Trace
from models.bptt.lengths import ended_together
from models.bptt.scaled import scaled_log_norm


class RecordedPass(ABC):
    """A recorded pass. Each analysis is computed when it is first needed, and then kept.

    The analyses are about the layer that is looked at: the top one, forwards, if no other was chosen. Of sequences
    with unequal lengths the profile, the gates and the diagnosis are about all, and what follows states from step to
    step is about the first. The diagnosis and the course of the gradient are always about the top layer. A `Probe` is
    the pass of a configuration, a `WatchedStep` a pass of a user's own training.
    """

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]  # both kinds are dataclasses
    trace: Trace
    layer_index: int | None
    """The layer that is looked at, in the order of torch's `h_n`; None for the top one, forwards."""

    @final
    def of_layer(self, number: int, backwards: bool = False) -> Self:
        """The same pass with another layer, from 1, and direction looked at; 0 is the top layer."""
        D = self.trace.num_directions
        index = index_of_layer(number, backwards, len(self.trace.layers) // D, D)
        return self if index == self.layer_index else replace(self, layer_index=index)

    @property
    def index(self) -> int:
        """The index of the layer that is looked at."""
        return len(self.trace.layers) - self.trace.num_directions if self.layer_index is None else self.layer_index

    @property
    def layer_words(self) -> str:
        """The layer and the direction in words; empty for a network of one layer and direction."""
        D = self.trace.num_directions
        return describe_layer(self.index, len(self.trace.layers) // D, D)

    @property
    def recorded(self) -> LayerRecord:
        """The layer that is looked at, of the whole batch."""
        return self.trace.layers[self.index]

    @property
    @abstractmethod
    def cell(self) -> str:
        """The network's name in a table: its cell, or the name of a watched module."""

    @property
    @abstractmethod
    def about(self) -> str:
        """A few words about the recorded pass."""

    @property
    @abstractmethod
    def origin(self) -> dict[str, object]:
        """For JSON: `run`, `step` and `config`; None for those that do not exist."""

    @property
    @abstractmethod
    def loss(self) -> float | None:
        """The loss of the pass; None if it is not known."""

    @property
    @abstractmethod
    def chance(self) -> float | None:
        """The loss of a guess without memory; None if no task is known."""

    @property
    @abstractmethod
    def layer_profiles(self) -> list[Profile]:
        """The gradient profile of every layer, the first layer first."""

    @property
    @abstractmethod
    def credit(self) -> Credit:
        """Who gets credit for the loss at each timestep."""

    @property
    @abstractmethod
    def transport(self) -> Trace:
        """The same pass with the loss at the last step only, so that no other loss hides a vanished gradient."""

    @property
    @abstractmethod
    def clipping(self) -> Clipping | None:
        """The parameter gradient before and after the clipping of the training; None if it is not known."""

    @abstractmethod
    def subject(self, clipping: Clipping | None) -> Subject:
        """The subject of a diagnosis."""

    @property
    @abstractmethod
    def diagnosis(self) -> list[Finding]:
        """The findings. Their remedies were tried if another network can be made."""

    @property
    def symbols(self) -> Symbols | None:
        """The first sequence, a symbol for every timestep; None if no task is known."""
        return None

    @property
    def heard(self) -> Float[ndarray, " time"] | None:
        """ln‖dL/dx_t‖ (nats) of the first sequence; None if no task is known."""
        return None

    @property
    def layer(self) -> LayerRecord:
        """The layer that is looked at; where its sequences differ in length, the first one."""
        return self.recorded if self.recorded.lengths is None else self.recorded.sequence(0)

    @property
    def state_size(self) -> int:
        """The size of the layer's state: its hidden units, twice as many with a cell state."""
        return self.layer.state_size

    @cached_property
    def profile(self) -> Profile:
        """The gradient profile, over the whole batch."""
        return self.layer_profiles[self.index]

    @cached_property
    def layer_cell_states(self) -> list[CellStateProfile | None]:
        """The cell state of every layer over time, of the sequences that are kept; None for a cell without one."""
        return [cell_state_profile(layer) for layer in self.trace.layers]

    @property
    def cell_state(self) -> CellStateProfile | None:
        """The cell state of the layer that is looked at; None for a cell whose state is h_t alone."""
        return self.layer_cell_states[self.index]

    @property
    def start_log_norm(self) -> float:
        """ln‖dL/dh_0‖ (nats), median over the batch."""
        sizes: ndarray = scaled_log_norm(self.recorded.grad_start[0]).numpy()
        return float(log_quantile(sizes, 0.5))

    @cached_property
    def spectra(self) -> dict[str, Spectrum]:
        """Block → spectrum of the recurrent matrix."""
        return block_spectra(self.layer.cell)

    @cached_property
    def gate_statistics(self) -> GateStatistics:
        """Saturation and time constants."""
        return gate_statistics(self.recorded)

    @cached_property
    def lyapunov(self) -> Lyapunov:
        """Exponents along the first sequence."""
        return lyapunov(self.layer)

    @cached_property
    def fixed_points(self) -> FixedPoints:
        """Where the state rests, or nearly does, while the input is 0; searched for from 16 of its states."""
        return fixed_points(self.recorded, count=16)

    @cached_property
    def product(self) -> ProductSpectrum:
        """Singular values of the product of the last 200 step Jacobians (or all) along the first sequence."""
        start = max(0, self.layer.seq_len - PRODUCT_STEPS)
        jacobians = step_jacobians(self.layer, start=start)
        return product_spectrum(jacobians.matrices[:, 0])

    @cached_property
    def step_growth(self) -> StepGrowth:
        """The possible and the real growth of the first sequence's gradient over the last 200 steps (or all)."""
        return step_growth(self.layer, most_steps=PRODUCT_STEPS)

    @cached_property
    def paths(self) -> Paths | None:
        """The routes of the gradient; None for a cell without a gated path, and for truncation by windows."""
        return None if self.layer.cell.gated_path is None or self.layer.window is not None else paths(self.layer)

    @cached_property
    def bound(self) -> Float[ndarray, " time"] | None:
        """Upper bound on ln‖dL/dh_t‖ (nats); None for a gated cell, which has no such simple bound."""
        cell = self.layer.cell
        if cell.steepest_slope is None:
            return None
        norm = spectral_norm(cell.square_blocks(cell.weight_hh.detach())["h"])
        return gradient_bound(self.recorded, norm, cell.steepest_slope)

    @cached_property
    def mean_field(self) -> MeanField | None:
        """The mean field of a wide random network with this gain and drive; only for a finite tanh Elman pass."""
        if not all_finite(self.trace.hidden):
            return None
        try:
            return measured_mean_field(self.layer)
        except ValueError:  # another cell; or weights of 1e100, beyond what the theory's integrals take
            return None

    @cached_property
    def rate_over_gain(self) -> RateOverGain | None:
        """The mean-field rate over the gain; None if the network has no mean field."""
        m = self.mean_field
        return None if m is None else rate_over_gain(np.linspace(0, max(3.0, 1.2 * m.gain), GAINS), m.input_variance)

    @cached_property
    def transport_course(self) -> Course:
        """What the gradient of the last loss does, over the lags that the task needs."""
        return transport_course(self.subject(self.clipping))

    def diagnose(self, clipping: Clipping | None) -> list[Finding]:
        """The findings, the most severe first; empty for a healthy network. No remedy has been tried."""
        return diagnose(self.subject(clipping))

    @cached_property
    def findings(self) -> list[Finding]:
        """The findings with the configured clipping. No remedy has been tried."""
        return self.diagnose(self.clipping)


def describe_healthy(recorded: RecordedPass) -> str:
    """What is said of a pass without a finding: what the gradient does over the lags that the task needs."""
    c = recorded.transport_course
    needed = "" if c.lag >= recorded.trace.seq_len - 1 else f", and the task needs no more than {counted(c.lag, 'lag')}"
    return f"No fault is found. {begin_sentence(c)}{needed}; no gate, unit or cell state is stuck."


def kept_of(kept: int, sequences: int) -> str:
    """Of which sequences of a recorded step's batch its analyses are."""
    of = f"the {kept} kept of {counted(sequences, 'sequence')}"
    return of if kept == sequences else f"{of}; the profile of ‖dL/dh_t‖ is of all {sequences}"


def profile_of_batch(
    layer: LayerRecord, log_norm: Float[ndarray, "time batch"], lengths: Int64[Tensor, " batch"] | None
) -> Profile:
    """The profile of a whole batch of which a record keeps some sequences; those of unequal lengths end together.

    Args:
        layer: the record of the kept sequences.
        log_norm: ln‖dL/dh_t‖ (nats) of every sequence, NaN in padding.
        lengths: of every sequence; None if all are equal.
    """
    T, padded, sizes = len(log_norm), 0, log_norm
    if lengths is not None:
        padded = int((T - lengths).sum())
        sizes = log_norm if layer.reverse else ended_together(torch.from_numpy(log_norm), lengths).numpy()
    direct = np.full((T, layer.batch_size), np.nan)
    if layer.batch_size == log_norm.shape[1]:  # else it is not known of the whole batch
        own = layer.ended_together(layer.direct_log_norm).numpy()
        direct[slice(None, len(own)) if layer.reverse else slice(T - len(own), None)] = own
    return profile_of_sizes(sizes, direct, layer.hidden.dtype, layer.reverse, padded)


GAINS = 61
"""Points of the mean-field curve: steps of .05 up to a gain of 3."""

PRODUCT_STEPS = 200
"""Factors of the Jacobian product: each takes 8 bytes times the state's size squared."""
