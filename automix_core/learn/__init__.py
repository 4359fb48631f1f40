"""What a router needs to go on learning: feedback, what it is about, and where both are kept."""

from automix_core.learn.feedback import Feedback
from automix_core.learn.memory import Known, Memory
from automix_core.learn.store import Store

__all__ = ["Feedback", "Known", "Memory", "Store"]
