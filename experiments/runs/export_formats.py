"""The formats of `export`, by name; `export.py` makes them and takes a second to import."""

ENDINGS = {"csv": ".csv", "parquet": ".parquet", "netcdf": ".nc", "html": ".html"}
"""Format → ending of its file names."""
