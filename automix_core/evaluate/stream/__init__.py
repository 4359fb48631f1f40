"""Streams: routers under load, with queues, a time limit, feedback, and models that come and go.

The protocol is that of MixLLM (arXiv 2502.18482).
"""

from automix_core.evaluate.stream.protocol import Change, Feedback, Stream
from automix_core.evaluate.stream.results import Curves, Result, Spread
from automix_core.evaluate.stream.simulation import Simulation, simulate
from automix_core.evaluate.stream.speeds import Pace, Speed, read_speeds
from automix_core.evaluate.stream.sweep import Sweep, sweep

__all__ = [
    "Change",
    "Curves",
    "Feedback",
    "Pace",
    "Result",
    "Simulation",
    "Speed",
    "Spread",
    "Stream",
    "Sweep",
    "read_speeds",
    "simulate",
    "sweep",
]
