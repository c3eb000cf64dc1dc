"""Lessons: claims that the learner predicts, tests and sees decided.

A lesson is one file, `lesson_NN_name.py`, that ends in a constant `LESSON = Lesson(...)`, and one line in
`registry.py`. It imports no Streamlit. In the file, in this order:

- `Measured`, a frozen dataclass with the numbers of the verdict, and `measure() -> Measured`, which computes them with
  the engine (`models`, `analysis`, `experiments.probing.probe`) in under 2 s, from fixed seeds;
- `draw(values) -> Scene`, the *do* beat: pictures and words for the controls' values, in under 0.5 s (a drag calls it
  again and again). Pictures come from `analysis/figures/`; one or two, side by side, with one title each;
- `decide(measured) -> Verdict` and `reply(measured, guess) -> Reply`: every sentence is made by

      says("After {steps:whole} steps {left} is left.", left < 0.001, steps=m.steps, left=m.left)

  with its numbers by name, and the comparison that makes it true. No literal number stands in a sentence, except 0 and
  1 as thresholds and names (`slides 003`, `h_1`, `float32`, years); a test looks. A `Reply` exists for every choice,
  and exactly one is `right`;
- `evidence(measured, guess) -> Picture`, the picture beside the verdict;
- `LESSON`, with the claim and its source (`sources.py`), the network as a diagram (`networks_drawn.py`), the question
  (`Choices` or `Curve`), the `Bench` (tasks, controls as data, `draw`), and the equation with its symbols in words.
  KaTeX breaks a line at `=`, `<`, `+` only: a long part between them is too wide for a phone.

A lesson that trains has a `Live` instead of the `Bench`: its `lanes(values)` are the runs of a setting, its
`draw(readers)` shows what they have committed. `live_beat.py` starts them, shows progress, cancels, finds them again.
Its `measure` may read those runs, and then the words of `decide` and `reply` are chosen by what came out. A verdict
that another machine may not confirm has `on_this_machine=True`, and its sentences say so.

One idea a beat, few words: each beat fits a projector of 1280×720 without scrolling (a browser test looks). A figure's
title has at most 48 letters (36 where two stand side by side), so that a phone does not cut it; the framework sets its
height; a legend of more than two entries goes below the chart (as in `analysis/figures/lags.py`). All tests
of lessons run over the registry: nothing is to be added for a new one.

`lesson.py` says what each part is; `beats.py` and `live_beat.py` draw the beats, `lesson_chart.py` their pictures,
`place.py` reads and writes links, `handout.py` prints.
"""
