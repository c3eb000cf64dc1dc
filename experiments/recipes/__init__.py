"""Recipes: experiments that ship with the program, with what was published, and a verdict on what came out here.

A recipe is one TOML file in `papers/` or `lectures/`. Its runs are ordinary run folders, so that it can be interrupted.
A recipe that trains nothing names a function of `measurements/`.
"""
