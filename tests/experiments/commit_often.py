"""Many commits in a run of a second: Dask workers load this file before they begin."""

from experiments.runs import recorder

recorder.COMMIT_SECONDS, recorder.COMMIT_SHARE = 0.05, 0.5
