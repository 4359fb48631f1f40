"""Verifiers: an answer goes in, a signal comes out. One verifier a file."""

from automix_core.verify.agreement import Agreement
from automix_core.verify.answer_likelihood import AnswerLikelihood
from automix_core.verify.auto import Auto
from automix_core.verify.check import Check, Checked
from automix_core.verify.combined import Combined
from automix_core.verify.judge import Judge
from automix_core.verify.self_verification import SelfVerification
from automix_core.verify.true_probability import TrueProbability
from automix_core.verify.unverified import Unverified

__all__ = [
    "Agreement",
    "AnswerLikelihood",
    "Auto",
    "Check",
    "Checked",
    "Combined",
    "Judge",
    "SelfVerification",
    "TrueProbability",
    "Unverified",
]
