"""The LSTM with peepholes."""
