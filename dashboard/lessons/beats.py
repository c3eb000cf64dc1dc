"""The three beats of a lesson on the page."""

import re
from collections.abc import Callable, Hashable, Mapping, MutableMapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import streamlit as st

from analysis.typeset import as_markdown
from dashboard.components.draw_curve import draw_curve
from dashboard.components.drawing import show_drawing
from dashboard.components.live_slider import live_slider
from dashboard.components.projector import LARGER, projector_on
from dashboard.components.terms import explain_in
from dashboard.lessons import live_beat
from dashboard.lessons.lesson import AnyLesson, Control, Live, Pick, Reply, Value, Verdict
from dashboard.lessons.lesson_chart import PROJECTED_HEIGHT, lesson_chart, lesson_charts
from dashboard.lessons.question import Choices, Guess
from dashboard.lessons.registry import BY_NUMBER, LESSONS
from models.bptt.threads import use_one_thread

Guesses = MutableMapping[int, Guess]


MEASURES = ThreadPoolExecutor(1, "measure")
"""Measures one lesson after the other, beside what people look at."""


@st.cache_resource(max_entries=2 * len(LESSONS), show_spinner=False)
def _start_measuring(number: int, trained: Hashable) -> Future[object]:
    """The numbers of a lesson's verdict to come, given what has been trained."""
    return MEASURES.submit(_measure_lesson, BY_NUMBER[number])


def _measure_lesson(lesson: AnyLesson) -> object:
    """The numbers of a lesson's verdict."""
    use_one_thread()  # a pass is a chain of small steps, and other people's passes want the other cores
    return lesson.measure()


def begin_measuring(lesson: AnyLesson) -> Future[object]:
    """The numbers to come; who predicts needs longer than they do."""
    return _start_measuring(
        lesson.number, live_beat.last_changes(lesson.bench) if isinstance(lesson.bench, Live) else None
    )


def show_predict(lesson: AnyLesson, guesses: Guesses) -> None:
    """The claim and the question; nothing is shown yet that would answer it."""
    begin_measuring(lesson)
    left, right = st.columns([4, 5], gap="large")
    with left:
        st.markdown(f"## The claim\n\n*“{lesson.claim}”*")
        st.caption(f"Source: {lesson.source}.")
        show_drawing(lesson.diagram.write_svg(), key=f"lesson-{lesson.number}-diagram")
    with right:
        st.markdown(f"## Your prediction\n\n{lesson.question.asks}")
        guess = ask_guess(lesson, guesses.get(lesson.number))
        if guess is not None:
            guesses[lesson.number] = guess
            st.caption("Your prediction is saved. Now test it.")


def ask_guess(lesson: AnyLesson, before: Guess | None) -> Guess | None:
    """What the learner answers, or has answered before."""
    question, key = lesson.question, f"lesson-{lesson.number}-guess"
    if isinstance(question, Choices):
        keys = list(question.answers)
        index = keys.index(str(before)) if before in question.answers else None
        chosen = st.radio(
            question.asks, keys, index=index, format_func=question.answers.__getitem__, key=key,
            label_visibility="collapsed",
        )  # fmt: skip
        return chosen if chosen in keys else None
    drawn = draw_curve(
        question.asks, key=key, lags=question.lags, lowest=question.lowest, highest=question.highest,
        step=question.step, values=None if before is None else [float(v) for v in before], x_title=question.x_title,
        y_title=question.y_title, height=PROJECTED_HEIGHT["predict"], larger=LARGER if projector_on() else 1.0,
    )  # fmt: skip
    return before if drawn is None else tuple(drawn)


@st.fragment
def show_do(lesson: AnyLesson, predicted: bool, keep: Callable[[Mapping[str, Value]], None]) -> None:
    """The experiment, under the hand; `keep` is called with where its controls stand."""
    if not predicted:
        st.caption("You have made no prediction yet. Press *Back* to make one.")
    if isinstance(lesson.bench, Live):
        live_beat.restore_setting(lesson.number, lesson.bench)
        chosen = _show_controls(lesson.number, lesson.bench.controls)
        keep(chosen)
        live_beat.show_live(lesson.number, lesson.bench, chosen)
        return
    values = _show_controls(lesson.number, lesson.bench.controls)
    keep(values)
    use_one_thread()
    scene = lesson.bench.draw(values)
    charts, beside = st.columns([7, 4] if len(scene.pictures) == 1 else [8, 3], gap="medium")
    with charts:
        lesson_charts(scene, lesson.number)
    with beside:
        st.markdown(as_markdown(scene.words), help=explain_in(scene.words))
        st.markdown("## Try\n" + "\n".join(f"{k}. {task}" for k, task in enumerate(lesson.bench.tasks, start=1)))


def _show_controls(number: int, wanted: Sequence[Control]) -> dict[str, Value]:
    """The bench's controls in a row, and where they stand."""
    values: dict[str, Value] = {}
    for column, control in zip(st.columns(max(2, len(wanted)), gap="medium"), wanted, strict=False):
        with column:
            values[control.key] = _show_control(control, f"lesson-{number}-{control.key}")
    return values


def read_controls(lesson: AnyLesson) -> dict[str, Value]:
    """Where the controls of a lesson's bench stand, or where they begin."""
    stand = {c.key: st.session_state.get(_kept_key(lesson.number, c), c.value) for c in lesson.bench.controls}
    begin = {c.key: c.value for c in lesson.bench.controls}
    return {key: value if isinstance(value, float | int | str) else begin[key] for key, value in stand.items()}


def _kept_key(number: int, control: Control) -> str:
    return f"lesson-{number}-{control.key}" + ("-kept" if isinstance(control, Pick) else "")


def set_controls(lesson: AnyLesson, values: Mapping[str, Value]) -> None:
    """Set controls of a lesson's bench, before they are made."""
    for key, value in values.items():
        name = f"lesson-{lesson.number}-{key}"
        st.session_state[name] = st.session_state[f"{name}-kept"] = value
    if values and isinstance(lesson.bench, Live):
        st.session_state[f"lesson-{lesson.number}-restored"] = True  # what was trained last does not count


def _show_control(control: Control, key: str) -> Value:
    """The widget of a control, and its value."""
    if isinstance(control, Pick):
        options = list(control.options)
        kept = st.session_state.get(f"{key}-kept", control.value)
        index = options.index(kept) if kept in options else 0
        chosen = st.selectbox(control.label, options, index=index, format_func=control.options.__getitem__, key=key)
        chosen = chosen if chosen in options else options[index]  # a message may hold anything
        st.session_state[f"{key}-kept"] = chosen
        return chosen
    return live_slider(
        control.label, minimum=control.minimum, maximum=control.maximum, value=control.value, step=control.step,
        key=key, logarithmic=control.logarithmic, help=control.help,
    )  # fmt: skip


OUTCOMES = {
    "right": ":material/check_circle: **Right.**",
    "partly": ":material/adjust: **Partly right.**",
    "wrong": ":material/cancel: **Not right.**",
}


def show_decide(lesson: AnyLesson, guess: Guess | None) -> None:
    """The measured numbers, what was true in the claim, what was not, and why."""
    numbers = wait_for_numbers(lesson)
    verdict = lesson.decide(numbers)
    left, right = st.columns([5, 6], gap="medium")
    with left:
        lesson_chart(lesson.evidence(numbers, guess), f"lesson-{lesson.number}-evidence", PROJECTED_HEIGHT["decide"])
    with right:
        if guess is None:
            st.markdown("*You have made no prediction.*")
        else:
            show_reply(lesson.reply(numbers, guess))
        show_verdict(lesson, verdict)
    if not projector_on():
        with st.expander("Answers to the tasks"):
            pairs = zip(lesson.bench.tasks, verdict.answers, strict=True)
            st.markdown("\n".join(f"{k}. {task} {a.words}" for k, (task, a) in enumerate(pairs, start=1)))


def wait_for_numbers(lesson: AnyLesson) -> object:
    """The numbers of a lesson's verdict, once they are measured."""
    with st.spinner("Measuring …"):
        return begin_measuring(lesson).result()


def show_reply(reply: Reply) -> None:
    """What is said to a prediction."""
    st.markdown(f"{OUTCOMES[reply.outcome]} {reply.says.words}")


def show_verdict(lesson: AnyLesson, verdict: Verdict) -> None:
    """What was true in the claim, what was not, why, and the equation."""
    claim = "" if projector_on() else f" *“{lesson.claim}”*"  # a projector's screen has no room for it
    lines = [f"**The claim: {verdict.finding.capitalize()}.**{claim}"]
    lines += [f":material/check: {statement.words}" for statement in verdict.was_true]
    lines += [f":material/close: {statement.words}" for statement in verdict.was_not]
    lines += [f"**Why.** {verdict.why.words}"]
    st.markdown("\n\n".join(lines))
    with st.container(key="lesson-equation"):  # on a phone each part has a line of its own
        st.markdown(" ".join(f"${part.strip()}$" for part in re.split(r"\\q?quad", lesson.equation.latex)))
    st.caption(f"{lesson.equation.symbols}.")
