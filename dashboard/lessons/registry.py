"""All lessons, in the suggested order."""

from dashboard.lessons import (
    lesson_01_one_neuron,
    lesson_02_by_hand,
    lesson_03_largest_singular_value,
    lesson_04_largest_weight,
    lesson_05_what_tanh_does,
    lesson_06_cliff,
    lesson_07_clipping,
    lesson_08_highway,
    lesson_09_gru_and_lstm,
    lesson_10_truncated,
    lesson_11_latching,
    lesson_12_for_real,
)
from dashboard.lessons.lesson import AnyLesson

LESSONS: tuple[AnyLesson, ...] = (
    lesson_01_one_neuron.LESSON,
    lesson_02_by_hand.LESSON,
    lesson_03_largest_singular_value.LESSON,
    lesson_04_largest_weight.LESSON,
    lesson_05_what_tanh_does.LESSON,
    lesson_06_cliff.LESSON,
    lesson_07_clipping.LESSON,
    lesson_08_highway.LESSON,
    lesson_09_gru_and_lstm.LESSON,
    lesson_10_truncated.LESSON,
    lesson_11_latching.LESSON,
    lesson_12_for_real.LESSON,
)

BY_NUMBER = {lesson.number: lesson for lesson in LESSONS}
