"""Labelled texts of your own: read a text, and say its label at the end."""

import math
import re
from collections import Counter

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from experiments.tasks.classification import Classification, one_hot, spell_one_hot
from experiments.tasks.data_file import OF_TEXTS, DataFileError, read_texts
from experiments.tasks.sentiment import BLANK
from experiments.tasks.task import LossPosition

RARE = "?"
WORDS = 1000
"""Different words that are told apart: the most frequent ones; any other is a RARE one."""
MOST_LABELS = 100
WORD = re.compile(r"\w+(?:['’]\w+)*")


class LabelledTexts(Classification):
    """The label of a text, from a .csv file with the columns `text` and `label`.

    Inputs, T words, one-hot, in small letters: blanks, then the last T words of a text. The 1000 most frequent words
    are told apart. One target per sequence, the label. All rows are equally likely. There are no other rows for an
    evaluation: its accuracy is that of the rows that were learned.
    """

    name = "sentiment"
    default_loss_position: LossPosition = "last"
    asks = "the label, at the last word"

    def __init__(self, data_file: str) -> None:
        rows = [(text, label) for text, label in read_texts(data_file) if WORD.search(text)]
        counts = Counter(label for _, label in rows)
        if not 2 <= len(counts) <= MOST_LABELS:
            reason = f"whose texts have {len(counts)} different labels"
            raise DataFileError(data_file, reason, f"{OF_TEXTS}, and 2 to {MOST_LABELS} labels")
        self.labels = tuple(sorted(counts))
        """The label of each output."""
        frequent = Counter(word.lower() for text, _ in rows for word in WORD.findall(text)).most_common(WORDS)
        self.words = (BLANK, RARE, *(word for word, _ in frequent))
        """The word of each input channel."""
        self.input_size, self.output_size = len(self.words), len(self.labels)
        self._shares = [counts[label] / len(rows) for label in self.labels]
        channel = {word: number for number, word in enumerate(self.words)}
        self._texts = [
            torch.tensor([channel.get(word.lower(), 1) for word in WORD.findall(text)], dtype=torch.int16)
            for text, _ in rows
        ]
        number = {label: k for k, label in enumerate(self.labels)}
        self._targets = torch.tensor([number[label] for _, label in rows])

    def sample(
        self, batch_size: int, seq_len: int, generator: torch.Generator, dtype: torch.dtype = torch.float32
    ) -> tuple[Float[Tensor, "time batch input"], Int[Tensor, " batch"]]:
        """One-hot words, and the labels of their texts."""
        device = generator.device
        row = torch.randint(0, len(self._texts), (batch_size,), generator=generator, device=device).cpu()
        words = torch.zeros(seq_len, batch_size, dtype=torch.int64)
        for b, chosen in enumerate(row.tolist()):
            text = self._texts[chosen][-seq_len:]
            words[seq_len - len(text) :, b] = text
        return one_hot(words.to(device), self.input_size, dtype), self._targets[row].to(device)

    def symbols(self, inputs: Float[Tensor, "time input"]) -> list[str]:
        """The words."""
        return spell_one_hot(inputs, self.words.__getitem__)

    def matters(self, inputs: Float[Tensor, "time input"]) -> Bool[Tensor, " time"]:
        """All words."""
        return inputs.argmax(-1) > 0

    def answer_word(self, answer: float) -> str:
        """The label."""
        return self.labels[int(answer)]

    def chance(self, seq_len: int, position: LossPosition | None = None) -> float:
        """−Σ_k p_k ln p_k (nats), for the shares p_k of the labels."""
        return -sum(p * math.log(p) for p in self._shares)

    def guess_accuracy(self, seq_len: int) -> float:
        """The share of the most frequent label."""
        return max(self._shares)
