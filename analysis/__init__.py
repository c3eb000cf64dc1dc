"""Analyses of a recorded layer: a `LayerRecord`, weights or gradients in, a frozen result out."""

from analysis.cell_state import CellStateProfile, cell_state_profile
from analysis.clipping import Clipping, clip
from analysis.contributions import contributions
from analysis.course import Course, course
from analysis.credit import Credit, credit
from analysis.diagnosis import diagnose
from analysis.finding import Finding, Subject
from analysis.fixed_points import FixedPoints, fixed_points, fixed_points_from
from analysis.gates import GateStatistics, gate_statistics
from analysis.jacobian import Jacobians, input_jacobian, step_jacobians
from analysis.lyapunov import Lyapunov, lyapunov, lyapunov_autonomous, lyapunov_driven
from analysis.paths import Paths, paths
from analysis.penalty import NormPenalty, norm_penalty
from analysis.product import ProductSpectrum, product_log_norms, product_spectrum
from analysis.profile import Decay, Profile, profile
from analysis.report import Report, report
from analysis.spectrum import Spectrum, block_spectra, spectral_norm, spectrum
from analysis.step_growth import StepGrowth, step_growth
from analysis.surgery import Surgery, operate
from analysis.theory import MeanField, critical_gain, gradient_bound, mean_field

__all__ = [
    "CellStateProfile",
    "Clipping",
    "Course",
    "Credit",
    "Decay",
    "Finding",
    "FixedPoints",
    "GateStatistics",
    "Jacobians",
    "Lyapunov",
    "MeanField",
    "NormPenalty",
    "Paths",
    "ProductSpectrum",
    "Profile",
    "Report",
    "Spectrum",
    "StepGrowth",
    "Subject",
    "Surgery",
    "block_spectra",
    "cell_state_profile",
    "clip",
    "contributions",
    "course",
    "credit",
    "critical_gain",
    "diagnose",
    "fixed_points",
    "fixed_points_from",
    "gate_statistics",
    "gradient_bound",
    "input_jacobian",
    "lyapunov",
    "lyapunov_autonomous",
    "lyapunov_driven",
    "mean_field",
    "norm_penalty",
    "operate",
    "paths",
    "product_log_norms",
    "product_spectrum",
    "profile",
    "report",
    "spectral_norm",
    "spectrum",
    "step_growth",
    "step_jacobians",
]
