"""Sweeps: many runs from one TOML file, on the cores of this machine or on a Dask cluster."""
