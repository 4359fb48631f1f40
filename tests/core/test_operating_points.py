"""AutoMix's own results come out: its rules, replayed on tables made to match its real data sets.

The authors' data are not published, but of 37 operating points on three data sets it is known how
many rows each rule escalated and what that gained in all. A confidence is the share of valid
verdicts that say "correct", with up to 8 of them valid. Sort all such shares by which of the rules
escalate them: the known counts then determine, by linear equations with one solution, how many
rows lie in each class and what they gain. On the plain grid of eighths there is no solution.
"""

import json
from pathlib import Path

import numpy as np
import pytest

from automix_core import Outcomes, Preference, Router
from automix_core.decide import Value
from automix_core.estimate import DoubleThreshold, FittedThreshold, Pomdp, Rule
from automix_core.evidence import Examples
from automix_core.metrics import ibc_lift
from automix_core.verify import SelfVerification

FILE = Path(__file__).parents[1] / "data" / "automix_operating_points.json"
DATA_SETS = json.loads(FILE.read_text(encoding="utf-8"))["data_sets"]
SHARES = sorted({correct / valid for valid in range(1, 9) for correct in range(valid + 1)})
EIGHTHS = [eighth / 8 for eighth in range(9)]


def rule_of(text):
    kind, _, rest = text.partition(" ")
    if kind == "bins":
        return Rule.table(rest)
    if kind == "band":
        return Rule((tuple(json.loads(rest)),))
    return Rule(((0.0, float(rest.removeprefix("<= "))),))


def escalates(text, share):
    """What a rule does, read off its text once more."""
    kind, _, rest = text.partition(" ")
    if kind == "bins":
        return rest[int(np.floor(share * (len(rest) - 1) + 0.5))] == "1"
    if kind == "band":
        low, high = json.loads(rest)
        return low <= share <= high
    return share <= float(rest.removeprefix("<= "))


def classes(points, shares):
    """Shares that every rule treats alike, by which rules escalate them."""
    found = {}
    for share in shares:
        found.setdefault(tuple(escalates(p["rule"], share) for p in points), []).append(share)
    return found


def solved(data, shares):
    """Rows and summed gain of each class, and by how much the equations are missed."""
    points, found = data["points"], classes(data["points"], shares)
    rules = np.array([*np.array(list(found), float).T, np.ones(len(found))])
    whole = data["rows"] * (data["quality_large"] - data["quality_small"])
    rows = np.array([*(p["escalated"] for p in points), data["rows"]], float)
    gain = np.array([*(p["summed_gain"] for p in points), whole])
    counts, gains = (np.linalg.lstsq(rules, side, rcond=None)[0] for side in (rows, gain))
    missed = max(np.abs(rules @ counts - rows).max(), np.abs(rules @ gains - gain).max())
    return list(found.values()), np.round(counts, 6), gains, missed


def table_of(data):
    """An outcome table that meets all counts; the rows of a class share its values and its gain."""
    groups, counts, gains, missed = solved(data, SHARES)
    assert missed < 1e-8
    assert (counts >= 0).all()
    assert (counts % 1 == 0).all()
    said, gained = [], []
    for shares, count, gain in zip(groups, counts.astype(int), gains, strict=True):
        said += [shares[place % len(shares)] for place in range(count)]
        gained += [gain / count] * count if count else []
    small = np.full(len(said), data["quality_small"])
    confidence = np.stack([said, np.full(len(said), np.nan)], axis=1)
    return Outcomes.from_arrays(
        ["small", "large"],
        np.stack([small, small + gained], axis=1),
        [data["cost_small"], data["cost_large"]],
        signals={"self_verification": confidence},
        checks={"self_verification": [data["cost_verify"], 0]},
    )


TABLES = {name: table_of(data) for name, data in DATA_SETS.items()}


@pytest.mark.parametrize("name", DATA_SETS)
def test_the_real_rules_reach_the_published_figures(name):
    data, table = DATA_SETS[name], TABLES[name]
    assert len(table) == data["rows"]
    alone = {
        "quality_small": table.quality[:, 0].mean(),
        "quality_large": table.quality[:, 1].mean(),
        "cost_small": table.cost[:, 0].mean(),
        "cost_large": table.cost[:, 1].mean(),
    }
    for point in data["points"]:
        router = Router(SelfVerification(), rule_of(point["rule"]), Value())
        seen = router.replay(table, Preference(0.5))
        assert seen.asked[:, 1].sum() == point["escalated"], point
        assert seen.verified.all(axis=0).tolist() == [True, False]
        quality, cost = seen.quality.mean(), seen.cost.mean()
        assert quality == pytest.approx(point["mean_quality"], abs=1e-9), point
        assert cost == pytest.approx(point["mean_cost"], abs=1e-9), point
        lift = ibc_lift(quality=quality, cost=cost, **alone)
        assert lift == pytest.approx(point["ibc_lift"], abs=1e-9), point


@pytest.mark.parametrize("name", DATA_SETS)
def test_the_lift_of_the_published_means_is_the_published_lift(name):
    data = DATA_SETS[name]
    ends = {k: data[k] for k in ("quality_small", "quality_large", "cost_small", "cost_large")}
    for point in data["points"]:
        lift = ibc_lift(quality=point["mean_quality"], cost=point["mean_cost"], **ends)
        assert lift == pytest.approx(point["ibc_lift"], abs=1e-9)


def test_there_are_37_points():
    assert sum(len(data["points"]) for data in DATA_SETS.values()) == 37


def test_on_the_plain_grid_of_eighths_the_counts_contradict_each_other():
    assert max(solved(data, EIGHTHS)[3] for data in DATA_SETS.values()) > 0.5


def test_the_band_that_wins_on_cnli_is_found_again():
    """The least confident drafts of CNLI are hopeless: no single threshold is worth its price."""
    table = TABLES["cnli"]
    examples = Examples(table.quality, table.signals["self_verification"])
    asked = {}
    for kind in (FittedThreshold, DoubleThreshold, Pomdp):
        # 23 shares of up to 8 verdicts: each is to have a cell of its own
        fitted = kind(cells=23).fit(examples)
        router = Router(SelfVerification(), fitted, Value())
        asked[kind] = router.replay(table, Preference(0.2)).asked[:, 1]
    band = next(p for p in DATA_SETS["cnli"]["points"] if p["rule"] == "band [0.5, 0.75]")
    assert asked[FittedThreshold].sum() == 0
    for kind in (DoubleThreshold, Pomdp):
        assert asked[kind].sum() == band["escalated"]
        gain = (table.quality[:, 1] - table.quality[:, 0])[asked[kind]].sum()
        assert gain == pytest.approx(band["summed_gain"], abs=1e-9)
