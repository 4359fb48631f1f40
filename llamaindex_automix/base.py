"""The routing LLM without its endpoints: how it is made, what it says of itself, how it runs."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Generator, Iterator, Mapping, Sequence
from contextlib import aclosing, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from llama_index.core.base.llms.types import LLMMetadata
from llama_index.core.bridge.pydantic import Field, PrivateAttr
from llama_index.core.constants import DEFAULT_CONTEXT_WINDOW
from llama_index.core.llms.function_calling import FunctionCallingLLM

from automix_core.arms import Arm, Described
from automix_core.contexts import current_preference
from automix_core.decision import DecisionCallback
from automix_core.drive import Finished, adrive, afinish, drive, finish
from automix_core.errors import ConfigurationError, UnexpectedModelError
from automix_core.flow import Flow
from automix_core.refusals import Refusals
from automix_core.request import Preference
from automix_core.router import Outcome, Router
from automix_core.serving import Serving
from llamaindex_automix.bypass import forcing, past_the_router
from llamaindex_automix.checks import refuse, warn
from llamaindex_automix.describe import describe
from llamaindex_automix.events import announcing
from llamaindex_automix.learning import Learns
from llamaindex_automix.operation import Operation
from llamaindex_automix.pickling import packed, unpacked
from llamaindex_automix.port import AsyncPort, Port
from llamaindex_automix.shapes import Shape
from llamaindex_automix.variables import current_variables

if TYPE_CHECKING:
    from automix_core.learn import Store

__all__ = ["Models", "RoutingLLMBase", "outer_edge"]

Models: TypeAlias = Sequence[Any] | Mapping[str, Any]
"""Two or more models; a mapping names them."""


class RoutingLLMBase(Learns, FunctionCallingLLM):
    """What all endpoints of `RoutingLLM` share."""

    arm_names: list[str] = Field(default_factory=list, description="The arms, cheapest first.")
    router_name: str = Field(default="", description="The router's name.")
    context_window: int | None = Field(
        default=None, description="Overrides the smallest context window among the arms."
    )
    num_output: int | None = Field(
        default=None, description="Overrides the largest output limit among the arms."
    )
    utility_arm: str | None = Field(
        default=None, description="The arm that serves utility calls, if not the cheapest."
    )

    _router: Router = PrivateAttr()
    _store: Any = PrivateAttr(default=None)
    _make_models: Callable[[], Models] | None = PrivateAttr(default=None)
    _prices: Mapping[str, Any] | None = PrivateAttr(default=None)
    _preference: Preference | None = PrivateAttr(default=None)
    _on_decision: DecisionCallback | None = PrivateAttr(default=None)
    _refusals: Refusals = PrivateAttr(default_factory=Refusals)
    _forwarded: tuple[Any, Any] = PrivateAttr(default=(None, None))

    def __init__(  # noqa: PLR0913 - one keyword for each setting
        self,
        models: Models | Callable[[], Models],
        *,
        router: Router | str | None,
        prices: Mapping[str, Any] | None,
        preference: Preference | None,
        on_decision: DecisionCallback | None,
        context_window: int | None,
        num_output: int | None,
        utility_arm: str | None,
        store: Store | str | Path | None,
        **kwargs: Any,
    ) -> None:
        make_models = models if callable(models) else None
        models = models() if callable(models) else models
        refuse(models, kwargs)
        bound = Router.of(router).bind(models, describe=_described, prices=prices, store=store)
        arms = bound.bound_arms
        if utility_arm is not None:
            arms.named(utility_arm)
        super().__init__(
            arm_names=[arm.name for arm in arms],
            router_name=bound.name,
            context_window=context_window,
            num_output=num_output,
            utility_arm=utility_arm,
            **kwargs,
        )
        self._router = bound
        self._store = store
        self._make_models = make_models
        self._prices = prices
        self._preference = preference
        self._on_decision = on_decision
        warn(arms, context_window)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(models={self.arm_names}, router={self.router_name!r})"

    def remove_arm(self, name: str) -> None:
        """As in the base class; the arm that serves utility calls cannot go."""
        if name == self.utility_arm:
            msg = f"{name!r} serves utility calls. Name another utility_arm before it goes."
            raise ConfigurationError(msg)
        super().remove_arm(name)

    def _rearranged(self) -> None:
        self.arm_names = [arm.name for arm in self.arms]

    def __str__(self) -> str:
        return repr(self)

    @property
    def arms(self) -> Sequence[Arm]:
        """The arms, cheapest first."""
        return self._router.arms or ()

    @property
    def metadata(self) -> LLMMetadata:
        """What holds whichever arm answers.

        The smallest known context window, the largest output limit; a chat model or a model that
        calls tools only if every arm is one.
        """
        of_arms = [arm.model.metadata for arm in self.arms]
        windows = [w for arm in self.arms if (w := arm.can.context_window)]
        outputs = [m.num_output for m in of_arms if m.num_output > 0]
        return LLMMetadata(
            context_window=self.context_window or min(windows, default=DEFAULT_CONTEXT_WINDOW),
            num_output=self.num_output or max(outputs, default=-1),
            is_chat_model=all(m.is_chat_model for m in of_arms),
            is_function_calling_model=all(arm.can.tools for arm in self.arms),
            model_name=f"routing({', '.join(arm.name for arm in self.arms)})",
            system_role=of_arms[0].system_role,
        )

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> RoutingLLMBase:
        """A copy over the same models: they hold clients, which cannot be copied."""
        return self.model_copy()

    def __reduce__(self) -> tuple[Any, ...]:
        """How to make this LLM again elsewhere; no model, no key and no callback manager travels.

        Raises:
            ConfigurationError: The models were not given as a function that makes them.
        """
        settings = {
            name: getattr(self, name)
            for name in self.model_fields_set - {"arm_names", "callback_manager", "router_name"}
        }
        settings |= {
            "prices": self._prices,
            "preference": self._preference,
            "on_decision": self._on_decision,
            "store": self._store,
        }
        return unpacked, (type(self), *packed(self._router, self._make_models, settings))

    @classmethod
    def from_dict(cls, data: dict[str, Any], **kwargs: Any) -> RoutingLLMBase:
        """A routing LLM from what `to_dict` gave, which holds no models.

        Args:
            data: What `to_dict` gave.
            kwargs: The constructor's arguments; `models` must be among them.

        Raises:
            ConfigurationError: No models, or models of other names.
        """
        known: dict[str, Any] = {
            name: data[name]
            for name in ("context_window", "num_output", "utility_arm")
            if name in data
        }
        if "models" not in kwargs:
            names = data.get("arm_names")
            msg = f"from_dict needs models={{...}} for {names}: models are not serialised."
            raise ConfigurationError(msg)
        made = cls(**{**known, **kwargs})
        if sorted(made.arm_names) != sorted(data.get("arm_names", made.arm_names)):
            msg = f"The models {made.arm_names} are not those of the data, {data['arm_names']}."
            raise ConfigurationError(msg)
        return made

    def _answer(self, operation: Operation) -> Any:
        """Run an operation and return the caller's result."""
        with outer_edge():
            flow, parts = self._begin(operation)
            port = Port(*parts)
            return operation.shape.result(finish(flow, port))

    async def _aanswer(self, operation: Operation) -> Any:
        """Run an operation and return the caller's result."""
        with outer_edge():
            flow, parts = self._begin(operation)
            port = AsyncPort(*parts)
            return operation.shape.result(await afinish(flow, port))

    def _stream(self, operation: Operation) -> Generator[Any, None, None]:
        """Stream an operation. Contexts are read now, not when the stream is iterated."""
        with outer_edge():
            flow, parts = self._begin(operation)
            port = Port(*parts)
        return _streamed(flow, port, operation.shape)

    def _astream(self, operation: Operation) -> AsyncGenerator[Any, None]:
        """Stream an operation. Contexts are read now, not when the stream is iterated."""
        with outer_edge():
            flow, parts = self._begin(operation)
            port = AsyncPort(*parts)
        return _astreamed(flow, port, operation.shape)

    def _begin(self, operation: Operation) -> tuple[Flow[Outcome], tuple[Any, ...]]:
        """The flow that answers an operation, and what its port is made of."""
        serving = self._router.serving
        self._forward(serving)
        given = operation.preference or current_preference() or self._preference
        request, given = past_the_router(operation.request, given, self.utility_arm)
        if operation.force is not None:
            given = forcing(given, operation.force)
        tell = announcing(self._on_decision)
        flow = self._router.route(request, given, tell, serving=serving)
        return flow, (serving.asked, operation, self._refusals, current_variables())

    def _forward(self, serving: Serving) -> None:
        """Let arms without handlers of their own report to this LLM's callback manager."""
        if "_forwarded" not in (self.__pydantic_private__ or ()):
            return
        manager, arms = self.callback_manager, serving.arms
        before, told = self._forwarded
        if (manager is before and arms is told) or (before is None and not manager.handlers):
            return
        for arm in serving.asked.values():
            own = arm.model.callback_manager
            if not own.handlers or own is before:
                arm.model.callback_manager = manager
        self._forwarded = manager, arms


@contextmanager
def outer_edge() -> Iterator[None]:
    """Let no `ValueError` or `TypeError` out: LlamaIndex would answer "Empty Response" to those."""
    try:
        yield
    except (ValueError, TypeError) as error:
        msg = f"A model or a parser raised {type(error).__name__}: {error}"
        raise UnexpectedModelError(msg) from error


def _streamed(flow: Flow[Outcome], port: Port, shape: Shape) -> Generator[Any, None, None]:
    with outer_edge(), closing(drive(flow, port, stream=True)) as items:
        for item in items:
            if isinstance(item, Finished):
                yield from shape.ending(item.value)
            else:
                yield item


async def _astreamed(
    flow: Flow[Outcome], port: AsyncPort, shape: Shape
) -> AsyncGenerator[Any, None]:
    with outer_edge():
        async with aclosing(adrive(flow, port, stream=True)) as items:
            async for item in items:
                if isinstance(item, Finished):
                    for chunk in shape.ending(item.value):
                        yield chunk
                else:
                    yield item


def _described(model: Any) -> Described:
    """What can be read off a model that is no router itself."""
    if isinstance(model, RoutingLLMBase):
        msg = "A RoutingLLM is no model of another one: give it the models inside."
        raise ConfigurationError(msg)
    return describe(model)
