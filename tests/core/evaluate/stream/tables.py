"""Made-up tables and streams."""

import numpy as np

from automix_core import Outcomes

ARMS = ("small", "middle", "large")


def table(rows=200, seed=0, *, latency=None, arms=ARMS, likelihood=False):
    """Dearer arms know more; half of the questions are easy, and their texts say so."""
    rng = np.random.default_rng(seed)
    made = []
    for number in range(rows):
        easy = bool(rng.random() < 0.5)
        answers = {}
        for place, arm in enumerate(arms):
            chance = 0.9 if easy else 0.2 + 0.7 * place / (len(arms) - 1)
            quality = float(rng.random() < chance)
            answers[arm] = {"quality": quality, "cost": 0.001 * 4**place}
            if latency is not None:
                answers[arm]["latency"] = float(latency[place])
            if likelihood and place < len(arms) - 1:
                sure = float(np.clip(0.3 + 0.4 * quality + rng.normal(0, 0.2), 0.01, 0.99))
                answers[arm]["signals"] = {"answer_likelihood": round(sure, 3)}
        asked = f"easy town {rng.integers(9)}" if easy else f"hard sum {rng.integers(9)}"
        made.append({"id": f"q{number}", "question": asked, "arms": answers})
    return Outcomes.of(made)
