"""Numbers of a recorded step that a stranger has chosen, their checksums made to fit."""

import numpy as np
import pytest
from one_sentence import one_sentence

from experiments.probing.recorded import recorded_probe
from experiments.probing.summary import summary
from experiments.runs.opening import open_run
from experiments.runs.store.chunks import encode
from experiments.runs.store.errors import DamagedRunError
from experiments.runs.train import Recorder

FLOATS = (
    "hidden", "cell_state", "gates", "weights", "inputs", "start_states", "gradients", "gradient_log_norms", "log_norm",
    "start_gradients",
)  # fmt: skip
NUMBERS = {
    **dict.fromkeys(FLOATS, (np.nan, np.inf, 1e38)),
    "gradient_exponents": (-(2**62), 2**62),
    "start_gradient_exponents": (2**62,),
    "step": (-(2**62),),
}


def fill(folder, array, number):
    """Every number of the array's first chunk is this one, and so says its checksum."""
    tensor = open_run(folder).tensor(array)
    path = folder / "tensors.zarr" / array / tensor.spec.chunk_name(0)
    path.write_bytes(encode(np.full(tensor.spec.chunk_shape, number, tensor.spec.dtype)))


@pytest.mark.filterwarnings("ignore")  # numbers that are not finite are what this is about
@pytest.mark.parametrize("array", NUMBERS)
def test_any_number_in_a_recorded_step_is_looked_at(halfway, array):
    for number in NUMBERS[array]:
        fill(halfway, array, number)
        assert summary(recorded_probe(open_run(halfway)))["run"] == "halfway"


@pytest.mark.parametrize("length", [-1, 0, 9, 2**31 - 1])
def test_a_length_that_no_sequence_has_is_a_sentence(halfway, length):
    fill(halfway, "length", length)
    with pytest.raises(DamagedRunError, match=f"has {length} timesteps; it must have 1 to 8") as error:
        recorded_probe(open_run(halfway))
    one_sentence(error)


@pytest.mark.parametrize("target", [4, -100])
def test_a_target_of_a_class_that_there_is_not_is_a_sentence(tmp_path, tiny, target):
    folder = tmp_path / "run"
    with Recorder.start(tiny(task="temporal_order", record_units=None), folder) as recorder:
        recorder.turn()
    fill(folder, "targets", target)
    with pytest.raises(DamagedRunError, match="names a class that is not one of the 4") as error:
        recorded_probe(open_run(folder))
    one_sentence(error)
