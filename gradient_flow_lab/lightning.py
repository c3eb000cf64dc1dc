"""Watch a training by Lightning: `Trainer(callbacks=[WatchCallback(every=50, run="runs/mine")])`."""

from typing import Any

from lightning.pytorch import Callback

from models import watch


class WatchCallback(Callback):  # type: ignore[misc]  # where Lightning is not installed, its classes are unknown
    """Watches the module that is trained, and logs the metrics that it logs. `seen` is the `Watch`.

    Args:
        options: as `gradient_flow_lab.watch` takes them.
    """

    def __init__(self, **options: Any) -> None:
        self.options = options

    def on_fit_start(self, trainer: Any, pl_module: Any) -> None:
        """Begin to watch."""
        self.seen = watch(pl_module, **self.options)

    def on_train_batch_end(self, trainer: Any, pl_module: Any, *batch: Any) -> None:
        """Log what the module has logged at this step."""
        self.seen.log(**{name: value for name, value in trainer.callback_metrics.items() if value.numel() == 1})

    def on_fit_end(self, trainer: Any, pl_module: Any) -> None:
        """End the run."""
        self.seen.close()

    def on_exception(self, trainer: Any, pl_module: Any, exception: BaseException) -> None:
        """End the run with what ended the training."""
        self.seen.__exit__(type(exception), exception, None)
