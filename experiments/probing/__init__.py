"""Probes: one recorded pass without training, and its analyses."""
