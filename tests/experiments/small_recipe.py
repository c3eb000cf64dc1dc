"""A recipe of two cells that trains in a moment."""

TRAINED = {
    "title": "a small one",
    "seeds": 2,
    "fixed": {"task": "reversal", "seq_len": 3, "hidden_size": 5, "batch_size": 4, "steps": 4, "record_every": 2,
              "evaluate_every": 2, "evaluate_size": 10},
    "arms": {"gru": {"cell": "gru"}, "elman": {"cell": "elman"}},
    "expect": [{"says": "they differ", "kind": "order", "value": "gru.loss", "at_most": "elman.loss", "times": 10}],
}  # fmt: skip
