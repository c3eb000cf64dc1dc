"""The lab as one package: `import gradient_flow_lab as gfl`.

Example:
    >>> import torch
    >>> import gradient_flow_lab as gfl
    >>> model = gfl.SequenceModel("lstm", input_size=2, hidden_size=8, output_size=1)
    >>> trace = gfl.record(model, torch.randn(20, 4, 2), lambda outputs: outputs[-1].mean())
    >>> gfl.profile(trace.top).median.shape
    (20,)

In an installed package everything is below this name, so that your own `models` or `analysis` do not clash with it.
"""

import analysis
import models
from analysis import *  # noqa: F403 - the public list of `analysis`, whole
from analysis import figures
from experiments.config.run_config import RunConfig
from experiments.probing.probe import probe
from models import *  # noqa: F403 - and that of `models`

__all__ = [*models.__all__, *analysis.__all__, "RunConfig", "figures", "probe"]
