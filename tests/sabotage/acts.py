"""The acts: what is broken, in one file by one replacement, and who must notice."""

from dataclasses import dataclass

__all__ = ["ACTS", "Act"]

CHAT = "tests/langchain/test_chat_model.py::"


@dataclass(frozen=True)
class Act:
    """One act of sabotage.

    Attributes:
        name: What is broken.
        file: The file it is done to.
        old: Text that must stand there exactly once.
        new: What it is replaced by.
        noticed_by: Tests that pass before and must fail after.
    """

    name: str
    file: str
    old: str
    new: str
    noticed_by: tuple[str, ...]


ACTS = (
    Act(
        "verification removed",
        "automix_core/loop.py",
        "signal = yield from self._verified(case, action.arm, answer, draw)",
        "signal = Signal(1.0)",
        (
            CHAT + "test_an_unsure_draft_is_replaced_and_both_calls_are_on_the_bill",
            CHAT + "test_an_invalid_tool_call_escalates",
            CHAT + "test_a_retrieval_chain_shows_question_and_context_to_the_verifier",
        ),
    ),
    Act(
        "escalation removed",
        "automix_core/decide/weighing.py",
        "run = run_value > stop_value + ROUNDING",
        "run = np.isneginf(stop_value)",
        (
            CHAT + "test_an_unsure_draft_is_replaced_and_both_calls_are_on_the_bill",
            CHAT + "test_structured_output_that_fails_its_schema_escalates",
            CHAT + "test_three_models_climb_only_as_far_as_needed",
        ),
    ),
    Act(
        "draft streamed early",
        "automix_core/flow.py",
        "isinstance(self.asks[0], Ask) and self.asks[0].final:",
        "isinstance(self.asks[0], Ask):",
        (CHAT + "test_no_word_of_a_rejected_draft_leaves",),
    ),
    Act(
        "bill of the samples dropped",
        "automix_core/ledger.py",
        "cost=self._cost(ask, result),",
        'cost=self._cost(ask, result) if ask.purpose != "verify" else 0.0,',
        (CHAT + "test_the_samples_of_a_check_are_on_the_bill",),
    ),
    Act(
        "no verdict taken for a yes",
        "automix_core/estimate/threshold.py",
        "unverified: float = 0.0",
        "unverified: float = 1.0",
        ("tests/langchain/test_bad_input.py::test_fakes_without_any_capability_still_answer",),
    ),
    Act(
        "early stopping no longer exact",
        "automix_core/evidence.py",
        "return bool(same.all())",
        "return True",
        (CHAT + "test_samples_are_never_served_from_a_cache",),
    ),
)
