"""The callbacks for Lightning and the Hugging Face Trainer, where these are installed: a run per training."""

import pytest
import torch
from torch import nn

from experiments.runs.opening import open_run
from experiments.runs.store.layers import layer_records


def test_lightning_trains_into_a_run(tmp_path):
    lightning = pytest.importorskip("lightning.pytorch", reason="Lightning is no requirement of this project")
    from gradient_flow_lab.lightning import WatchCallback

    class Regressor(lightning.LightningModule):
        def __init__(self):
            super().__init__()
            self.gru = nn.GRU(2, 3, batch_first=True)

        def training_step(self, batch, index):
            loss = self.gru(batch)[0][:, -1].square().mean()
            self.log("loss", loss)
            return loss

        def configure_optimizers(self):
            return torch.optim.SGD(self.parameters(), 0.1)

    callback = WatchCallback(every=2, run=tmp_path / "runs" / "mine", title="with Lightning")
    trainer = lightning.Trainer(
        max_epochs=1, accelerator="cpu", callbacks=[callback], logger=False, enable_checkpointing=False,
        enable_progress_bar=False, enable_model_summary=False, default_root_dir=tmp_path,
    )  # fmt: skip
    trainer.fit(Regressor(), torch.utils.data.DataLoader(torch.randn(12, 5, 2), batch_size=3))
    run = open_run(tmp_path / "runs" / "mine")
    assert (run.status, run.progress.step, run.tensor("step")[:].tolist()) == ("finished", 4, [1, 3])
    assert run.scalars()["loss"].shape == (4,)
    assert layer_records(run, 3).top.seq_len == 5


def test_the_trainer_of_transformers_trains_into_a_run(tmp_path):
    transformers = pytest.importorskip("transformers", reason="transformers is no requirement of this project")
    pytest.importorskip("accelerate", reason="the Trainer needs it")
    from gradient_flow_lab.transformers import WatchCallback

    class Tagger(nn.Module):
        def __init__(self):
            super().__init__()
            self.lstm = nn.LSTM(2, 3, batch_first=True)

        def forward(self, x):
            out, _ = self.lstm(x)
            return {"loss": out[:, -1].square().mean(), "logits": out}

    callback = WatchCallback(run=tmp_path / "runs" / "mine", title="with the Trainer")
    trainer = transformers.Trainer(
        Tagger(),
        transformers.TrainingArguments(
            output_dir=str(tmp_path), max_steps=3, logging_steps=1, save_strategy="no", report_to=[], use_cpu=True,
            disable_tqdm=True, per_device_train_batch_size=2, max_grad_norm=1e-3,
        ),
        train_dataset=[{"x": torch.randn(5, 2)} for _ in range(8)],
        callbacks=[callback],
    )  # fmt: skip
    trainer.train()
    run = open_run(tmp_path / "runs" / "mine")
    assert (run.status, run.progress.step) == ("finished", 3)
    scalars = run.scalars()
    assert (scalars["grad_norm"][:3] > scalars["clip"][:3]).all()
    assert layer_records(run, 3).top.seq_len == 5
