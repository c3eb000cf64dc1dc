"""The formats of `export`, by name; apart from their making, which takes a second to import."""

ENDINGS = {"csv": ".csv", "parquet": ".parquet", "netcdf": ".nc", "html": ".html"}
"""Format → how its files' names end."""
