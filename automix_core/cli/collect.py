"""Ask real models labelled questions, score and verify their answers, and write an outcome table.

QUESTIONS is a CSV or JSON Lines file with the fields question, and optionally context, answer
(or answers), choices, id, group and tags. The models file is YAML or TOML:

  models:
    small: {model: "openai:gpt-4o-mini", options: {temperature: 0}}
    large: {model: big, base_url: "http://localhost:8000/v1", price: [1.0, 4.0]}

Every answered call is kept in a journal beside OUT. However a run ends, the next one with the same
arguments goes on from there and asks nothing twice. Exit code 1 says that some answers failed.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from automix_core.cli.arguments import at_least, positive
from automix_core.cli.screen import Screen, number

if TYPE_CHECKING:
    from automix_core.collect import Collected, Plan, Run
    from automix_core.parts import Verifier

__all__ = ["HELP", "add", "run"]

HELP = "ask real models labelled questions, and write an outcome table"

_SHOWN = 10  # failures that are listed for people
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    take = parser.add_argument
    take("questions", metavar="QUESTIONS", type=Path, help="labelled questions: .csv or .jsonl")
    take("--models", metavar="FILE", type=Path, required=True, help="models: YAML or TOML")
    take("--out", metavar="OUT", type=Path, required=True, help="outcome table to write: .jsonl")
    take(
        "--score",
        metavar="NAME",
        help="exact, f1, contains, choice or your own module:function(question, answer, reference);"
        " default: choice where a question has choices, else f1",
    )
    take(
        "--verify",
        metavar="NAMES",
        default="",
        help="verifiers, parted by commas: answer_likelihood, true_probability, self_verification",
    )
    take(
        "--verify-dearest",
        action="store_true",
        help="let verifiers that cost something look at the dearest model's answers as well",
    )
    take("--samples", type=at_least(1), help="samples of each self-verification (default: 8)")
    take("--system", metavar="TEXT", help="system message for every question; '' for none")
    take("--limit", metavar="N", type=at_least(1), help="ask only the first N questions")
    take("--max-cost", metavar="USD", type=positive, help="stop before more is spent, in all runs")
    take("--concurrency", metavar="N", type=at_least(1), default=8, help="calls at a time (8)")
    take("--requests-per-minute", metavar="N", type=positive, help="most calls in a minute")
    take("--retries", metavar="N", type=at_least(0), default=5, help="of a failed call (5)")
    take("--timeout", metavar="S", type=positive, default=120.0, help="seconds for a call (120)")
    take("--framework", choices=("langchain", "llamaindex"), help="whose clients make the calls")
    take("--restart", action="store_true", help="forget what earlier runs collected for OUT")


def run(arguments: argparse.Namespace, screen: Screen) -> int:
    """Collect; gives the exit code."""
    screen.need()
    from automix_core.cli.progress import Bar
    from automix_core.collect import Journal, Run, open_models

    plan = _plan(arguments)
    models = open_models(plan.specs, arguments.framework)
    _prepare(plan, restart=arguments.restart)
    with Journal(plan.journal) as journal:
        bar = Bar(len(plan.asked) * len(plan.specs))
        work = Run(plan, models, journal, bar.show)
        with bar:
            collected, received = asyncio.run(_until_interrupted(work, screen))
    screen.result(_as_json(plan, collected))
    _show(plan, collected, screen)
    if received is not None:
        return 128 + received
    return 1 if collected.lost else 0


async def _until_interrupted(work: Run, screen: Screen) -> tuple[Collected, int | None]:
    """Collect; the first interrupt lets the calls in flight come to their end, the next does not.

    Gives what was collected, and the signal that ended it.
    """
    received: list[int] = []
    task = asyncio.ensure_future(work.collect())

    def interrupt(which: int) -> None:
        if received:
            task.cancel()
            return
        received.append(which)
        screen.note("stopping after the calls in flight; once more to stop at once")
        work.interrupt()

    loop = asyncio.get_running_loop()
    for which in _SIGNALS:
        loop.add_signal_handler(which, interrupt, which)
    try:
        return await task, (received[0] if received else None)
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None
    finally:
        for which in _SIGNALS:
            loop.remove_signal_handler(which)


def _plan(arguments: argparse.Namespace) -> Plan:
    from automix_core.collect import Limits, Plan, read_models, read_questions
    from automix_core.scoring import scorer

    specs = read_models(arguments.models)
    rates = {s.name: s.requests_per_minute for s in specs if s.requests_per_minute is not None}
    return Plan(
        questions=read_questions(arguments.questions),
        specs=specs,
        out=arguments.out,
        score=scorer(arguments.score) if arguments.score else None,
        verifiers=[_verifier(name, arguments.samples) for name in _names(arguments.verify)],
        verify_dearest=arguments.verify_dearest,
        instruction=arguments.system,
        limit=arguments.limit,
        limits=Limits(
            concurrency=arguments.concurrency,
            requests_per_minute=arguments.requests_per_minute,
            by_model=rates,
            retries=arguments.retries,
            timeout=arguments.timeout,
            max_cost=arguments.max_cost,
        ),
    )


def _names(given: str) -> list[str]:
    return list(dict.fromkeys(name.strip() for name in given.split(",") if name.strip()))


def _verifier(name: str, samples: int | None) -> Verifier:
    import automix_core.verify  # noqa: F401 - registers the verifiers
    from automix_core.errors import UnknownNameError
    from automix_core.parts import find_part

    known = ("agreement", "answer_likelihood", "self_verification", "true_probability")
    if name not in known:
        what = "verifier for --verify"
        raise UnknownNameError(what, name, known)
    part: Any = find_part("verifier", name)
    made: Verifier = part(samples) if samples and name == "self_verification" else part()
    return made


def _prepare(plan: Plan, *, restart: bool) -> None:
    """Make room for the outcome table and its journal.

    Raises:
        ConfigurationError: OUT cannot be written, or is a table that was not collected here.
    """
    from automix_core.errors import ConfigurationError

    if plan.out.suffix != ".jsonl":
        msg = f"--out {plan.out}: collect writes JSON Lines; give a name that ends in .jsonl."
        raise ConfigurationError(msg)
    if restart and plan.journal.exists():
        plan.journal.replace(plan.journal.with_name(plan.journal.name + ".old"))
    elif plan.out.exists() and not plan.journal.exists() and not restart:
        msg = (
            f"{plan.out} exists, and there is no journal beside it to go on from. Give another "
            "--out, or replace it with --restart."
        )
        raise ConfigurationError(msg)
    try:
        plan.out.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        msg = f"--out {plan.out} cannot be written: {error}"
        raise ConfigurationError(msg) from error


def _as_json(plan: Plan, collected: Collected) -> dict[str, Any]:
    return {
        "out": str(plan.out),
        "questions": len(plan.asked),
        "rows": len(collected.rows),
        "missing": collected.missing,
        "calls": collected.calls,
        "cost": collected.spent if collected.priced else None,
        "stopped": collected.stopped or None,
        "arms": {arm: _figures(arm, collected) for arm in collected.arms},
        "failures": [
            {"question": x.question, "arm": x.arm, "stage": x.stage, "error": x.error}
            for x in collected.lost
        ],
    }


def _figures(arm: str, collected: Collected) -> dict[str, Any]:
    """Counts and means of an arm's answers."""
    entries = [row["arms"][arm] for row in collected.rows if arm in row["arms"]]
    checks = [entry.get("verification", {}) for entry in entries]
    costs = [c.get("cost", 0.0) + sum(c.get("costs", {}).values()) for c in checks]
    names = sorted({name for entry in entries for name in entry.get("signals", {})})
    signals = {name: sum(name in entry.get("signals", {}) for entry in entries) for name in names}
    if any("confidence" in entry for entry in entries):
        signals["self_verification"] = sum(e.get("confidence") is not None for e in entries)
    return {
        "answers": len(entries),
        "empty": sum(not entry["answer"].strip() for entry in entries),
        "failed": sum(lost.arm == arm for lost in collected.lost),
        "quality": _mean([entry["quality"] for entry in entries]),
        "cost": _mean([entry["cost"] for entry in entries]),
        "verification_cost": _mean(costs),
        "latency": _mean([entry["latency"] for entry in entries]),
        "signals": signals,
    }


def _mean(values: list[float]) -> float | None:
    return sum(values) / len(values) if values else None


def _show(plan: Plan, collected: Collected, screen: Screen) -> None:
    """Print the table for people, and what they should know, to stderr what went wrong."""
    rows = []
    for arm in collected.arms:
        f = _figures(arm, collected)
        signals = ", ".join(f"{name} {count}" for name, count in f["signals"].items())
        means = (f["quality"], f["cost"], f["verification_cost"], f["latency"])
        counts = (str(f["answers"]), str(f["empty"]), str(f["failed"]))
        rows.append([arm, *counts, *(number(mean) for mean in means), signals or "-"])
    unit = "US $" if collected.priced else "units"
    costs = (f"cost ({unit})", f"verification ({unit})")
    columns = ["model", "answers", "empty", "failed", "quality", *costs, "seconds", "signals"]
    screen.table(columns, rows, title="means over the answers")
    spent = f", {number(collected.spent)} US dollars in all" if collected.priced else ""
    screen.say(f"{plan.out}: {len(collected.rows)} rows, {collected.calls} calls now{spent}")
    for lost in collected.lost[:_SHOWN]:
        screen.note(f"failed: {lost.arm} at {lost.question} ({lost.stage}): {lost.error}")
    if len(collected.lost) > _SHOWN:
        screen.note(f"... and {len(collected.lost) - _SHOWN} more")
    if collected.stopped == "max_cost":
        screen.note("stopped: --max-cost does not cover the next answer")
    if collected.missing:
        screen.note(
            f"missing or not verified: {collected.missing}; the same command asks for those"
        )
