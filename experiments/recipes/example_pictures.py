"""Pictures of a trained network's answers, for tasks whose answers can be drawn."""

from analysis.figures.picture import Picture
from analysis.figures.trajectory import trajectory_picture
from experiments.recipes.measured import Answers
from experiments.tasks.ball import AHEAD, Ball
from experiments.training.training import Training


def example_pictures(training: Training, answers: Answers) -> list[Picture]:
    """A right and a wrong answer, where there are such; none for tasks without a picture."""
    if not isinstance(training.task, Ball):
        return []
    whole = answers.whole
    first = {kind: of.nonzero().flatten()[:1].tolist() for kind, of in (("right", whole), ("wrong", ~whole))}
    return [ball_picture(training.task, answers, k, kind) for kind, chosen in first.items() for k in chosen]


def ball_picture(task: Ball, answers: Answers, k: int, kind: str) -> Picture:
    """The ball's way after what was seen, the true one and the network's."""
    seen = task.seen(answers.inputs[:, k]).double().numpy()
    true, said = (of[-AHEAD:].double().numpy() for of in (answers.targets[..., k], answers.said[:, k]))
    return trajectory_picture(f"ball-{kind}", f"Sequence {k}: {kind}", seen, true, said)
