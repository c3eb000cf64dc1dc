"""Gradient profiles in words: the title, the lines beside it, a table's rows, the words for a screen reader.

All of them take the verdict from `analysis.course`. If the profile and the gradient of the last loss behave
differently, the words describe the shape of the profile, and give the verdict about the gradient of the last loss.
"""

from collections.abc import Mapping

from jaxtyping import Float
from numpy import ndarray

from analysis.course import (
    Course,
    begin_sentence,
    course,
    describe_course,
    describe_shape,
    describe_sizes,
    format_ratio,
    turning_lag,
)
from analysis.figures.edges import is_behind_the_end
from analysis.figures.theme import cell_name
from analysis.profile import Profile


def headline(profiles: Mapping[str, Profile], transports: Mapping[str, Course]) -> str:
    """The title of a chart: for one cell its numbers, for several a verdict and a number each."""
    verdicts = {cell: transports.get(cell, p.course) for cell, p in profiles.items()}
    agree = all(verdicts[cell].kind == p.course.kind for cell, p in profiles.items())
    if len(profiles) == 1:
        ((cell, p),) = profiles.items()
        return f"{cell_name(cell)}: {title_of(p) if agree else title_of_two(p.course, verdicts[cell])}"
    groups: dict[str, dict[str, Course]] = {}
    for cell, p in profiles.items():
        c = p.course if agree else verdicts[cell]
        groups.setdefault(c.verb, {})[cell_name(cell)] = c
    most = MOST_NAMED if len(profiles) > MOST_NAMED else len(profiles)
    phrases = "; ".join(f"{verb}: {name_cells(courses, most)}" for verb, courses in groups.items())
    if agree:
        return f"The gradient {phrases}"
    subject = subject_of(next(verdicts[cell] for cell, p in profiles.items() if verdicts[cell].kind != p.course.kind))
    return f"{subject[0].upper()}{subject[1:]} {phrases}"


def note_on_title(profiles: Mapping[str, Profile], transports: Mapping[str, Course]) -> str:
    """A sentence for below the chart, with a space before it, where its title is not about its lines; else nothing."""
    others = [c.of for cell, p in profiles.items() if (c := transports.get(cell, p.course)).kind != p.course.kind]
    if not others:
        return ""
    of = max(others, key=len)  # it names (h, c), where a cell has c
    if len(set(others)) > 1:
        of += " where a cell has c"
    lines = "dL/dh_t of all losses together" if LAST_LOSS in of else "dL/dh_t"
    about = "the title also tells of" if len(profiles) == 1 else "the title is about"
    return f" The lines show {lines}; {about} {of}."


LAST_LOSS = "the last loss"


def subject_of(transport: Course) -> str:
    """The gradient that a title is about, where it is not the profile's."""
    return "the last loss's gradient" if LAST_LOSS in transport.of else "the gradient to (h, c)"


MOST_NAMED = 3
"""Most cells of a kind that a title names one by one, where it is about more cells than that."""


def name_cells(courses: Mapping[str, Course], most: int) -> str:
    """Cells of one kind with their numbers; of more than `most` cells, how many they are and the most extreme one."""
    number = f"{len(courses)} cells"
    said = {name: " ".join([name, *format_change(c)]) for name, c in courses.items()}
    if len(said) <= most:
        return ", ".join(said.values())
    if not all(c.kind in ("vanishes", "explodes") for c in courses.values()):
        return number
    extreme = max(courses, key=lambda name: max(courses[name].log_growth, -courses[name].log_left))
    return f"{number}, most of all {said[extreme]}"


WHOLE = 0.9
"""A title gives a rate without its lags if the line holds over at least this share of them."""


def title_of(p: Profile) -> str:
    """A title without the last lag, unless the first is in it; it has a rate if one line holds over nearly all lags."""
    c, d = p.course, p.decay
    words = f"the gradient {describe_course(c)}".replace(": ", ", ")
    if f" at lag {c.start} and " not in words:
        words = words.removesuffix(f" at lag {c.lag}")
    if c.kind == "vanishes" and c.zero_from is None and c.gone_from is not None:
        words = f"the gradient vanishes, below 10⁻⁷ from lag {c.gone_from} on"
    if d.rate is None or d.straight_from is None or d.straight_until is None:
        return words
    steady = d.direction != 0 and d.straight_until - d.straight_from >= WHOLE * c.lag and turning_lag(c) is None
    return f"{words}, ×{format_ratio(d.rate)} per step" if steady else words


def title_of_two(profile: Course, transport: Course) -> str:
    """The title if a profile and the gradient of the last loss behave differently."""
    if transport.kind == "diverged":
        return "the pass diverges"
    shape = describe_shape(profile)
    back = " going back" if shape.startswith(("falls", "rises")) else ""
    return f"the profile {shape}{back}; {subject_of(transport)} {transport.verb}"


def title_of_step(median: Float[ndarray, " time"], reverse: bool) -> str:
    """The title of a profile whose place those of other steps take: its sizes, since a verdict needs a whole pass.

    Args:
        median: over the batch (nats), from the first timestep on; NaN behind a shorter sequence's last one.
        reverse: whether the direction reads from the last input to the first.
    """
    own = median[~is_behind_the_end(median)]
    return f"The profile {describe_sizes(course(own if reverse else own[::-1]))}"


def format_change(c: Course) -> list[str]:
    """How much of a gradient is left, or how far it has grown; empty if there is no such number."""
    if c.kind in ("diverged", "zero"):
        return []
    if c.ends:
        return [f"at lag {c.zero_from}"]
    return [f"×{format_ratio(c.log_growth if c.kind == 'explodes' else c.log_left)}"]


def describe_profile(p: Profile, transport: Course | None) -> list[str]:
    """The profile, and the gradient of the last loss if it differs, as sentences without a full stop."""
    if transport is None or transport.kind == p.course.kind:
        return [begin_sentence(p.course)]
    if transport.kind == "diverged":
        return ["The pass diverges"]
    return [f"The profile {describe_sizes(p.course)}", begin_sentence(transport)]
