"""Documents that retrievers found in the same run tree as a call of the router.

A chain may paste documents into its prompt without any mark, or sum them up. `RetrievedDocuments`
in the chain's config hears what its retrievers returned, and the router asks it. A run is forgotten
when it ends; of calls that were cancelled, whose end nobody is told, only so many are kept.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Any

from langchain_core.callbacks import BaseCallbackHandler

from automix_core.errors import ConfigurationError

if TYPE_CHECKING:
    from uuid import UUID

    from langchain_core.documents import Document

__all__ = ["RetrievedDocuments"]


@dataclass(slots=True, eq=False)
class _Run:
    """A run that has not ended, and the texts that were retrieved in it and below it."""

    above: _Run | None
    tree: UUID
    retrieves: bool
    found: dict[str, None] | None = None  # in order, each once; `None` before any retriever ended

    def line(self) -> Iterator[_Run]:
        """This run and all above it."""
        run: _Run | None = self
        while run is not None:
            yield run
            run = run.above


class RetrievedDocuments(BaseCallbackHandler):
    """Tells the routers of a chain which documents the chain's retrievers returned.

    Give it to the whole chain, agent or graph, so that it hears retriever and router alike. One
    object serves any number of calls at one time, in threads and in tasks.

    A router sees the documents of the smallest part of the run tree around it in which a retriever
    was at work. So chains that run side by side under one root, each with its own retrieval, do not
    see each other's. Where one retriever uses others, only what it returned itself counts: a
    reranker's choice, not what it chose from.

    Args:
        trees: How many run trees may be open at one time. Beyond that the one that has been
            silent longest is forgotten, and its routers do without. Calls that were cancelled may
            stay open.

    Raises:
        ConfigurationError: `trees` is less than 1.

    Example:
        ```python
        chain.invoke(question, config={"callbacks": [RetrievedDocuments()]})
        ```
    """

    run_inline = True  # in order, and before whatever comes next in the chain
    ignore_llm = True
    ignore_chat_model = True

    def __init__(self, trees: int = 1_000) -> None:
        if trees < 1:
            msg = f"trees must be at least 1, not {trees}."
            raise ConfigurationError(msg)
        self._most = trees
        self._runs: dict[UUID, _Run] = {}
        self._trees: OrderedDict[UUID, set[UUID]] = OrderedDict()  # open runs, by root
        self._lock = Lock()

    @property
    def open_trees(self) -> int:
        """How many run trees have started and not ended."""
        return len(self._trees)

    def around(self, run_id: UUID | None) -> Sequence[str]:
        """The documents for a call below a run that has not ended.

        Args:
            run_id: The run that the call is made in; `None` outside of any.

        Returns:
            The texts of the nearest run in which a retriever was at work, in the order in which
            they were returned, each once.
        """
        with self._lock:
            run = self._runs.get(run_id) if run_id else None
            line = run.line() if run else ()
            return next((tuple(each.found) for each in line if each.found is not None), ())

    def on_chain_start(
        self, *_: Any, run_id: UUID, parent_run_id: UUID | None = None, **__: Any
    ) -> None:
        """Note a run."""
        self._start(run_id, parent_run_id)

    def on_tool_start(
        self, *_: Any, run_id: UUID, parent_run_id: UUID | None = None, **__: Any
    ) -> None:
        """Note a run, in which a retriever may be at work."""
        self._start(run_id, parent_run_id)

    def on_retriever_start(
        self, *_: Any, run_id: UUID, parent_run_id: UUID | None = None, **__: Any
    ) -> None:
        """Note a retriever's run."""
        self._start(run_id, parent_run_id, retrieves=True)

    def on_retriever_end(self, documents: Sequence[Document], *, run_id: UUID, **_: Any) -> None:
        """Keep what a retriever returned, for every run that it belongs to."""
        with self._lock:
            run = self._runs.get(run_id)
            above = list(run.above.line()) if run and run.above else []
            if not any(each.retrieves for each in above):
                texts = dict.fromkeys(document.page_content for document in documents)
                for each in above:
                    each.found = {**(each.found or {}), **texts}
        self._end(run_id)

    def on_chain_end(self, *_: Any, run_id: UUID, **__: Any) -> None:
        """Forget a run."""
        self._end(run_id)

    def on_chain_error(self, *_: Any, run_id: UUID, **__: Any) -> None:
        """Forget a run."""
        self._end(run_id)

    def on_tool_end(self, *_: Any, run_id: UUID, **__: Any) -> None:
        """Forget a run."""
        self._end(run_id)

    def on_tool_error(self, *_: Any, run_id: UUID, **__: Any) -> None:
        """Forget a run."""
        self._end(run_id)

    def on_retriever_error(self, *_: Any, run_id: UUID, **__: Any) -> None:
        """A retriever that failed has found nothing."""
        self.on_retriever_end((), run_id=run_id)

    def _start(self, run_id: UUID, parent: UUID | None, *, retrieves: bool = False) -> None:
        with self._lock:
            above = self._runs.get(parent) if parent else None
            tree = above.tree if above else run_id
            self._runs[run_id] = _Run(above, tree, retrieves)
            self._trees.setdefault(tree, set()).add(run_id)
            self._trees.move_to_end(tree)
            if len(self._trees) > self._most:
                self._forget(next(iter(self._trees)))

    def _end(self, run_id: UUID) -> None:
        with self._lock:
            run = self._runs.pop(run_id, None)
            if run is None:
                return
            if run.tree == run_id:
                self._forget(run_id)
            else:
                self._trees[run.tree].discard(run_id)
                self._trees.move_to_end(run.tree)

    def _forget(self, tree: UUID) -> None:
        """Drop a tree with all its runs. The lock is held."""
        for run_id in self._trees.pop(tree, ()):
            self._runs.pop(run_id, None)
