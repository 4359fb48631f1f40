"""Where inner calls hang in the trace, and who may hear them.

The router is one chat-model run. Each call it makes is a run of its own, a child of that one. Only
tracers and usage counters hear the children: a handler that streams tokens to a user must not see
a draft or a verdict.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from langchain_core.callbacks import (
    AsyncCallbackManager,
    BaseCallbackHandler,
    BaseCallbackManager,
    BaseRunManager,
    CallbackManager,
)
from langchain_core.runnables import RunnableConfig

from automix_core.contexts import Contexts
from automix_core.flow import Ask
from langchain_automix.retrieved import RetrievedDocuments

__all__ = ["Caller", "caller", "caller_of", "calling"]

NOSTREAM = "nostream"
"""The tag by which LangGraph keeps a model's tokens out of its message stream."""


@dataclass(frozen=True, slots=True)
class Caller:
    """The run on whose behalf inner calls are made.

    Attributes:
        run_id: The router's own run; `None` outside of any.
        handlers: Handlers that inner calls report to.
        tags: Inheritable tags of the router's run.
        metadata: Inheritable metadata of the router's run.
        contexts: The blocks around the call, where they were read earlier than the run began.
        heard: Some handler listens to the router's run, so that one may listen below it.
        above: The run that the router's own is in; `None` where that one is the first.
        sources: Handlers that know what the retrievers of the same run tree returned; they do not
            count as listening.
    """

    run_id: uuid.UUID | None = None
    handlers: Sequence[BaseCallbackHandler] = ()
    tags: Sequence[str] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)
    contexts: Contexts | None = None
    heard: bool = True
    above: uuid.UUID | None = None
    sources: Sequence[RetrievedDocuments] = ()

    @classmethod
    def of(
        cls,
        manager: BaseCallbackManager | BaseRunManager,
        run_id: uuid.UUID | None,
        contexts: Contexts | None = None,
    ) -> Caller:
        """The caller behind a callback manager or a run manager, which share these fields."""
        handlers = getattr(manager, "inheritable_handlers", ())
        tags = getattr(manager, "inheritable_tags", ())
        metadata = getattr(manager, "inheritable_metadata", {})
        heard = any(not isinstance(each, RetrievedDocuments) for each in manager.handlers)
        listening = tuple(filter(_may_listen, handlers)) if heard else ()
        above = manager.parent_run_id
        sources = tuple(each for each in handlers if isinstance(each, RetrievedDocuments))
        return cls(run_id, listening, tags, metadata, contexts, heard, above, sources)

    def retrieved(self) -> Sequence[str]:
        """What retrievers have returned around the router's run, where a handler knows of it."""
        found = (source.around(self.above) for source in self.sources)
        return next(filter(None, found), ())

    def config(self, ask: Ask, *, is_async: bool) -> RunnableConfig:
        """The config of one inner call: a child of the router's run, tagged with its purpose."""
        maker = AsyncCallbackManager if is_async else CallbackManager
        manager = maker(
            list(self.handlers),
            list(self.handlers),
            self.run_id,
            tags=list(self.tags),
            inheritable_tags=list(self.tags),
            metadata=dict(self.metadata),
            inheritable_metadata=dict(self.metadata),
        )
        return {
            "callbacks": manager,
            "run_name": f"{ask.to} ({ask.purpose})",
            "tags": [NOSTREAM, f"routing:{ask.purpose}", f"routing:arm:{ask.to}"],
            "metadata": {"routing_purpose": ask.purpose, "routing_arm": ask.to},
        }


_caller: ContextVar[Caller | None] = ContextVar("langchain_automix_caller", default=None)


def caller() -> Caller:
    """The run in which this code runs; nobody in particular outside of any."""
    return _caller.get() or Caller()


def caller_of(manager: BaseRunManager | None) -> Caller:
    """The run that a run manager stands for; without one, the run in which this code runs."""
    if manager is None:
        return caller()
    known = _caller.get()
    return known if known and known.run_id == manager.run_id else Caller.of(manager, manager.run_id)


class calling:  # noqa: N801 - reads as a verb in `with calling(who):`
    """Make inner calls on behalf of a run."""

    __slots__ = ("_token", "_who")

    def __init__(self, who: Caller) -> None:
        self._who = who

    def __enter__(self) -> None:
        self._token = _caller.set(self._who)

    def __exit__(self, *_: object) -> None:
        _caller.reset(self._token)


def _may_listen(handler: BaseCallbackHandler) -> bool:
    # They take a while to import, and most programs trace nothing.
    from langchain_core.callbacks import UsageMetadataCallbackHandler
    from langchain_core.tracers._streaming import _StreamingCallbackHandler
    from langchain_core.tracers.base import AsyncBaseTracer, BaseTracer

    if isinstance(handler, _StreamingCallbackHandler):
        return False
    return isinstance(handler, BaseTracer | AsyncBaseTracer | UsageMetadataCallbackHandler)
