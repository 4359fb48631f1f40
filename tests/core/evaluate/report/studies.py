"""Studies made by hand, with numbers like those of three small local models."""

from dataclasses import replace

from automix_core.evaluate.report.study import (
    Belief,
    Bin,
    CurvePoint,
    Point,
    Regret,
    Share,
    Study,
)
from automix_core.metrics.bootstrap import Measure


def about(mean, half):
    return Measure(mean, mean - half, mean + half)


POINTS = (
    Point(
        "automix:meta_verifier=auto",
        "router",
        about(0.716, 0.034),
        about(2.61e-5, 1.4e-6),
        about(9.2, 0.8),
    ),
    Point("smollm2-135m", "model", about(0.268, 0.041), about(3.9e-6, 1e-7), about(0.31, 0.02)),
    Point(
        "qwen2.5-coder-0.5b", "model", about(0.521, 0.043), about(1.43e-5, 3e-7), about(2.1, 0.2)
    ),
    Point(
        "qwen2.5-coder-1.5b", "model", about(0.769, 0.036), about(4.45e-5, 9e-7), about(8.4, 0.4)
    ),
    Point("random mixing at equal cost", "mixing", about(0.618, 0.033), about(2.61e-5, 1.4e-6)),
    Point("oracle", "oracle", about(0.841, 0.03), about(1.92e-5, 1.5e-6), about(3.9, 0.3)),
)
CURVE = tuple(
    CurvePoint(weight, about(quality, 0.035), cost)
    for weight, quality, cost in [
        (2.0, 0.268, 3.9e-6),
        (1.0, 0.35, 6.3e-6),
        (0.7, 0.43, 9.0e-6),
        (0.5, 0.52, 1.31e-5),
        (0.3, 0.61, 1.78e-5),
        (0.2, 0.67, 2.2e-5),
        (0.1, 0.716, 2.61e-5),
        (0.05, 0.755, 3.4e-5),
        (0.02, 0.771, 4.3e-5),
        (0.0, 0.775, 5.5e-5),
    ]
)


def calibration(arm, auc):
    bins = [(0.14, 0.11, 22), (0.34, 0.41, 31), (0.55, 0.49, 37), (0.72, 0.77, 48), (0.9, 0.93, 40)]
    return Belief(
        arm,
        "expected quality",
        tuple(Bin(belief, about(q, 0.9 / n**0.5 * 0.45), n) for belief, q, n in bins),
        auc=about(auc, 0.06),
        brier=about(0.174, 0.02),
        ece=about(0.046, 0.02),
    )


STUDY = Study(
    router="automix:meta_verifier=auto",
    gain=True,
    verdict="Saves 41 % of what always asking qwen2.5-coder-1.5b costs, "
    "at a quality difference of -0.053 [-0.078, -0.029].",
    reasons=("It beats random mixing at the same cost by 0.098 [0.061, 0.133] of quality.",),
    points=POINTS,
    setting="cost weight 0.1",
    curve=CURVE,
    hull=((3.9e-6, 0.268), (1.43e-5, 0.521), (4.45e-5, 0.769)),
    beliefs=(calibration("smollm2-135m", 0.71), calibration("qwen2.5-coder-0.5b", 0.76)),
    shares=(
        Share("smollm2-135m", 0.124, 0.15, 0.0),
        Share("qwen2.5-coder-0.5b", 0.441, 0.38, 0.06),
        Share("qwen2.5-coder-1.5b", 0.435, 0.41, 0.0),
    ),
    regrets=tuple(
        Regret(
            id=f"56beb7953aeaaa14008c92{place:02x}",
            question=None,
            arm="qwen2.5-coder-0.5b",
            quality=0.0,
            best_arm="qwen2.5-coder-1.5b",
            best_quality=1.0 - place / 10,
            confidence=0.93 - place / 20 if place else None,
        )
        for place in range(6)
    ),
    rule=(
        "qwen2.5-coder-0.5b is asked first.",
        "Its answer is kept where its expected quality comes near that of qwen2.5-coder-1.5b.",
        "self_verification was dropped: a coin toss (AUC 0.52 [0.45, 0.60]).",
    ),
    method=(
        ("Rows", "178 held-out questions in 24 groups; the router was fitted on 178 others."),
        ("Split", "by group, half of the rows to each side, seed 0."),
        ("Intervals", "95 %, from 1,000 resamples of whole groups."),
    ),
)
NO_GAIN = replace(
    STUDY,
    gain=False,
    verdict="NO SIGNIFICANT GAIN: use qwen2.5-coder-1.5b.",
    reasons=("Random mixing comes to 0.618, the router to 0.626: +0.008 [-0.021, +0.037].",),
    remarks=("This router was fitted before: the rows must be ones it has not seen.",),
)


def hostile(study=STUDY):
    """The same study, every name and text of which would like to be markup."""
    attack = "<script>alert('x')</script><img src=x onerror=alert(1)> & \"quoted\" $x$"
    rename = {point.name: f"</text>{attack}{point.name}" for point in study.points}
    points = tuple(replace(point, name=rename[point.name]) for point in study.points)
    return replace(
        study,
        router=attack,
        verdict=attack,
        reasons=(attack,),
        setting=attack,
        points=points,
        beliefs=tuple(replace(c, arm=attack, what=attack) for c in study.beliefs),
        shares=tuple(replace(s, arm=attack) for s in study.shares),
        regrets=tuple(replace(r, id=attack, question=attack, arm=attack) for r in study.regrets),
        rule=(attack,),
        method=((attack, attack),),
        remarks=(attack,),
    )
