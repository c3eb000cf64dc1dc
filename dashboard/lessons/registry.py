"""All lessons, in the suggested order."""

from dashboard.lessons import lesson_01_one_neuron, lesson_02_by_hand
from dashboard.lessons.lesson import AnyLesson

LESSONS: tuple[AnyLesson, ...] = (
    lesson_01_one_neuron.LESSON,
    lesson_02_by_hand.LESSON,
)

BY_NUMBER = {lesson.number: lesson for lesson in LESSONS}
