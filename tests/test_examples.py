"""The examples in docstrings run, and print what they say."""

import doctest
import importlib
import pkgutil

import pytest

import analysis
import experiments
import models

WITH_EXAMPLE = {
    "models.networks.sequence_model.SequenceModel",
    "models.recording.record.direct_gradients",
    "models.recording.record.record",
    "models.recording.watch.watch",
    "analysis.profile.profile",
    "analysis.report.report",
    "analysis.jacobian.step_jacobians",
    "analysis.product.product_spectrum",
    "analysis.lyapunov.lyapunov",
    "analysis.lyapunov.lyapunov_driven",
    "analysis.penalty.norm_penalty",
    "analysis.spectrum.spectrum",
    "analysis.clipping.clip",
    "analysis.contributions.contributions",
    "analysis.credit.credit",
    "analysis.diagnosis.diagnose",
    "analysis.gates.gate_statistics",
    "analysis.paths.paths",
    "analysis.step_growth.step_growth",
    "analysis.surgery.operate",
    "analysis.theory.critical_gain",
    "analysis.theory.gradient_bound",
    "analysis.theory.mean_field",
    "experiments.probing.probe.probe",
}
"""The public verbs, each of which shows how it is used."""


def examples() -> dict[str, doctest.DocTest]:
    """Name → example, of every module but the commands, which run when they are imported, and a rival's own program."""
    found = {}
    for package in (models, analysis, experiments):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not module.name.endswith(("__main__", "jax_pass")):
                tests = doctest.DocTestFinder(exclude_empty=True).find(importlib.import_module(module.name))
                found |= {test.name: test for test in tests if test.examples}
    return found


EXAMPLES = examples()


def test_every_public_verb_has_an_example():
    assert set(EXAMPLES) >= WITH_EXAMPLE


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_an_example_prints_what_it_says(name, capsys):
    result = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE).run(EXAMPLES[name])
    assert not result.failed, capsys.readouterr().out
