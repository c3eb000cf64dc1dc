"""All lessons, in the suggested order."""

from dashboard.lessons import lesson_01_one_neuron
from dashboard.lessons.lesson import AnyLesson

LESSONS: tuple[AnyLesson, ...] = (lesson_01_one_neuron.LESSON,)

BY_NUMBER = {lesson.number: lesson for lesson in LESSONS}
