"""Watch a training by the Hugging Face Trainer: `Trainer(…, callbacks=[WatchCallback(every=50, run="runs/mine")])`."""

from typing import Any

from transformers import TrainerCallback

from models import watch


class WatchCallback(TrainerCallback):  # type: ignore[misc]  # where transformers is not installed, it is unknown
    """Watches the model that is trained, and logs the numbers that the Trainer logs. `seen` is the `Watch`.

    Args:
        options: as `gradient_flow_lab.watch` takes them.
    """

    def __init__(self, **options: Any) -> None:
        self.options = options

    def on_train_begin(self, args: Any, state: Any, control: Any, **given: Any) -> None:
        """Begin to watch."""
        self.seen = watch(given["model"], **self.options)

    def on_log(self, args: Any, state: Any, control: Any, **given: Any) -> None:
        """Log the Trainer's numbers; its clipping threshold goes with the norm that it clips."""
        numbers = {name: value for name, value in (given["logs"] or {}).items() if isinstance(value, int | float)}
        self.seen.log(**numbers, **({"clip": args.max_grad_norm} if "grad_norm" in numbers else {}))

    def on_train_end(self, args: Any, state: Any, control: Any, **given: Any) -> None:
        """End the run."""
        self.seen.close()
