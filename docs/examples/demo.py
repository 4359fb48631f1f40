"""Watch questions over documents being answered by a small model, checked, and passed on.

    make demo
    python docs/examples/demo.py --framework langchain --questions 6

Two models are served on this machine, the same retrieval pipeline is built in LangChain and in
LlamaIndex with the router in the place of the model, and every answer is shown with the model
that gave it, the reason and its cost. Then both models are compared with the router.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn

from automix_core import AutomixError, ConfigurationError, Preference, Price, presets
from automix_core.local_models import LocalModelError
from demo_lib.asking import Answered, Pipeline, ask, ask_alone
from demo_lib.endpoints import Endpoint, UsageError, check, open_endpoint
from demo_lib.figures import Run, figures
from demo_lib.material import questions
from demo_lib.picture import draw
from demo_lib.show import Screen, as_json

FRAMEWORKS = {
    "langchain": ("LangChain", "langchain_openai", "demo_lib.with_langchain"),
    "llamaindex": ("LlamaIndex", "llama_index.llms.openai_like", "demo_lib.with_llamaindex"),
}
CALL_SECONDS = 60.0
COST_WEIGHT = 0.5
"""Where this pair breaks even on other questions (XQuAD): always asking the small model and always
asking the large one are then worth about the same, so that the router has something to decide."""


class _Parser(argparse.ArgumentParser):
    """Says in one line what is wrong."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"demo: {message}\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demo; gives the exit code."""
    logging.basicConfig(level=logging.WARNING)
    # The servers started here must be asked directly, whatever proxy the environment names.
    os.environ["NO_PROXY"] = ",".join(filter(None, [os.environ.get("NO_PROXY"), "127.0.0.1"]))
    options = _options(arguments)
    screen = Screen(sys.stderr if options.json else sys.stdout)
    try:
        _check(options)
        summary, failed = _run(options, screen)
    except UsageError as error:
        print(f"demo: {error}", file=sys.stderr)
        return 2
    except (AutomixError, LocalModelError) as error:
        print(f"demo: {type(error).__name__}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("demo: stopped", file=sys.stderr)
        return 130
    if options.json:
        print(json.dumps(summary), flush=True)
    return 1 if failed else 0


def _run(options: argparse.Namespace, screen: Screen) -> tuple[dict[str, object], bool]:
    """Answer every question every way, and show it; gives the JSON object and what failed."""
    started = time.monotonic()
    with ExitStack() as opened:
        screen.say("Starting two models (the first time, they are downloaded)...")
        prices = {"small": options.price_small, "large": options.price_large}
        ends = [
            opened.enter_context(open_endpoint(name, getattr(options, name), prices[name]))
            for name in ("small", "large")
        ]
        screen.models(ends, options.cost_weight)
        pipelines = _pipelines(options, ends)
        answers = _ask_all(options, pipelines, ends, screen)
    runs = {
        name: Run(name, [a for a in answers if a.asker == name])
        for name in (*pipelines, "small", "large")
    }
    small, large = runs.pop("small"), runs.pop("large")
    routed = [figures(run, small, large) for run in runs.values()]
    screen.table(routed, small, large)
    drawn = draw(options.picture, routed, small, large)
    screen.say(f"Picture: {options.picture}" if drawn else "No picture: no cost is known.")
    screen.say(f"{time.monotonic() - started:.0f} s in all.")
    return as_json(routed, small, large), any(run.failed for run in runs.values())


def _ask_all(
    options: argparse.Namespace,
    pipelines: dict[str, Pipeline],
    ends: list[Endpoint],
    screen: Screen,
) -> list[Answered]:
    """Each question to each model alone, once for all, and to the router in each framework."""
    answers: list[Answered] = []
    any_pipeline = next(iter(pipelines.values()))
    for number, question in enumerate(questions(options.questions)):
        if number == options.kill_large_after:
            _kill(ends[1], screen)
        screen.say(f"\n{question.id} ({question.kind}) {question.text}")
        for end in ends:
            answers.append(ask_alone(end.name, any_pipeline, question, ends))
            screen.alone(answers[-1])
        for name, pipeline in pipelines.items():
            answers.append(ask(name, pipeline, question, ends))
            screen.routed(answers[-1])
    return answers


def _pipelines(options: argparse.Namespace, ends: list[Endpoint]) -> dict[str, Pipeline]:
    """The same pipeline in each framework that was asked for."""
    preference = Preference(cost_weight=options.cost_weight)
    built: dict[str, Pipeline] = {}
    for key in options.framework:
        name, _, module = FRAMEWORKS[key]
        make = import_module(module).pipeline
        built[name] = make(*ends, options.router, preference, CALL_SECONDS)
    return built


def _kill(large: Endpoint, screen: Screen) -> None:
    if large.server is not None:
        large.server.kill()
        screen.say("\n*** The server of the large model was killed. ***")


def _check(options: argparse.Namespace) -> None:
    """Find whatever is wrong with the command line before anything is started."""
    options.framework = [options.framework] if options.framework else list(FRAMEWORKS)
    for key in options.framework:
        for needed in (FRAMEWORKS[key][1], "matplotlib", "wordllama"):
            if not _installed(needed):
                raise UsageError(f"--framework {key} needs {needed}, of the extra `demo`")
    _check_values(options)
    for name in ("small", "large"):
        check(name, getattr(options, name), getattr(options, f"price_{name}"))


def _check_values(options: argparse.Namespace) -> None:
    if options.router not in presets.names():
        known = ", ".join(presets.names())
        raise UsageError(f"--router: no preset is called {options.router!r}; there are {known}")
    try:
        Preference(cost_weight=options.cost_weight)
        for price in (options.price_small, options.price_large):
            Price(price or 0, price or 0)
    except ConfigurationError as error:
        raise UsageError(str(error)) from error
    if options.questions is not None and options.questions < 1:
        raise UsageError("--questions: at least 1")
    if options.kill_large_after is not None and options.large.startswith("http"):
        raise UsageError("--kill-large-after: only a server that was started here can be killed")
    if not options.picture.parent.is_dir():
        raise UsageError(f"--picture: there is no folder {options.picture.parent}")


def _installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # the package above it is missing
        return False


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = _Parser(prog="demo", description=__doc__, allow_abbrev=False)
    model = "a name, a .gguf file, or an address like http://localhost:8000/v1#model"
    add = parser.add_argument
    add("--framework", choices=FRAMEWORKS, help="only one of them; both by default")
    add("--small", default="smollm2-135m", metavar="MODEL", help=model)
    add("--large", default="qwen2.5-coder-1.5b", metavar="MODEL", help=model)
    price = "US dollars a million tokens; by default nominal, from the size in the model's name"
    add("--price-small", type=float, metavar="DOLLARS", help=price)
    add("--price-large", type=float, metavar="DOLLARS", help=price)
    add("--router", default="cascade", metavar="PRESET", help=", ".join(presets.names()))
    weight = f"points of quality that a call to the large model is worth; default {COST_WEIGHT:g}"
    add("--cost-weight", type=float, default=COST_WEIGHT, metavar="W", help=weight)
    add("--questions", type=int, metavar="N", help="only the first N questions")
    add("--json", action="store_true", help="one JSON object as the last line of the output")
    add("--picture", type=Path, default=Path("demo.png"), metavar="FILE", help="a PNG file")
    killed = "kill the large model's server after N questions, to see what the router makes of it"
    add("--kill-large-after", type=int, metavar="N", help=killed)
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
