"""One recorded pass without training, and what it says."""
