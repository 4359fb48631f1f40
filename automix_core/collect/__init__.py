"""Collecting an outcome table: real models at labelled questions, scored, verified and billed.

`automix collect` is the command for it. The models are opened by an adapter; the calls are the
core's own asks, so what is collected here is what a router will see.
"""

from automix_core.collect.calling import Limits
from automix_core.collect.journal import Journal
from automix_core.collect.models import ModelSpec, OpenModels, arm_of, open_models, read_models
from automix_core.collect.plan import Plan
from automix_core.collect.questions import Question, read_questions
from automix_core.collect.running import Collected, Lost, Progress, Run

__all__ = [
    "Collected",
    "Journal",
    "Limits",
    "Lost",
    "ModelSpec",
    "OpenModels",
    "Plan",
    "Progress",
    "Question",
    "Run",
    "arm_of",
    "open_models",
    "read_models",
    "read_questions",
]
