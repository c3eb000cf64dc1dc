"""The LSTM of 1997, without a forget gate."""
