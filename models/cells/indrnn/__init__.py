"""The independently recurrent network (IndRNN)."""
