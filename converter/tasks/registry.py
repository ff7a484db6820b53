"""The training tasks, one a modality."""

from converter.tasks.base import Task
from converter.tasks.face import FaceTask
from converter.tasks.speech import SpeechTask
from converter.tasks.text import TextTask

TASKS: dict[str, type[Task]] = {task.modality: task for task in (FaceTask, SpeechTask, TextTask)}
"""By modality."""
