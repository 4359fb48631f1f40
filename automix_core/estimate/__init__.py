"""Estimators: evidence goes in, estimates of every arm come out. One estimator a file."""

from automix_core.estimate.threshold import Threshold

__all__ = ["Threshold"]
