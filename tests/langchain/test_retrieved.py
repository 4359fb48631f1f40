"""Documents that a chain's own retrievers returned reach the verifier, and nobody else's do."""

import asyncio
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from langchain_core.callbacks import UsageMetadataCallbackHandler
from langchain_core.documents import Document
from langchain_core.messages import AIMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate, MessagesPlaceholder
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import RunnableLambda, RunnableParallel, RunnablePassthrough
from langchain_core.tools import create_retriever_tool
from pydantic import Field

from automix_core import Grounding
from langchain_automix import (
    ConfigurationError,
    RetrievedDocuments,
    Router,
    collect_decisions,
    grounding,
    routing_decision,
)
from tests.langchain.pair import until
from tests.scripted_server import Scripted, ToolCall

QUESTION = "When was the station opened?"
UNMARKED = ChatPromptTemplate.from_template("Be brief. You know: {facts} -- {question}")


class Archive(BaseRetriever):
    """Finds one document that names what was asked, or the documents it is given."""

    found: list[str] = Field(default_factory=list)

    def _get_relevant_documents(self, query, *, run_manager):
        return [Document(text) for text in self.found or [f"About {query!r}: in 1911."]]


class Reranked(BaseRetriever):
    """Keeps the first document of another retriever."""

    base: BaseRetriever

    def _get_relevant_documents(self, query, *, run_manager):
        return self.base.invoke(query, {"callbacks": run_manager.get_child()})[:1]

    async def _aget_relevant_documents(self, query, *, run_manager):
        return (await self.base.ainvoke(query, {"callbacks": run_manager.get_child()}))[:1]


class Stuck(BaseRetriever):
    """Never comes back."""

    def _get_relevant_documents(self, query, *, run_manager):
        raise NotImplementedError

    async def _aget_relevant_documents(self, query, *, run_manager):
        await asyncio.Event().wait()


def is_check(body):
    return "You check whether" in str(body["messages"][0]["content"])


def respond(body):
    if is_check(body):
        return Scripted(text="It says so.\nVerdict: correct", usage=(50, 5))
    return Scripted(text="in 1911", usage=(20, 2))


def routed(two, **options):
    return two.routed(**{"router": "automix", **options})


def checks(two):
    """What the verifier was shown, each time."""
    return [b["messages"][-1]["content"] for b in two.server.bodies if is_check(b)]


def context_of(shown):
    """The context that the verifier was shown, or `None`."""
    if "Context:" not in shown:
        return None
    quoted = shown.split("Context:\n")[1].split("\n\nQuestion:")[0]
    return "\n".join(line.removeprefix(">").strip() for line in quoted.splitlines())


def contexts(two):
    return {context_of(shown) for shown in checks(two)}


def shouted(found):
    """Formats documents in a way in which nobody finds them again."""
    return " / ".join(document.page_content.upper() for document in found)


def rag(model, retriever=None, prompt=UNMARKED):
    """A chain whose prompt gives no context that can be recognised."""
    gathered = {"facts": (retriever or Archive()) | shouted, "question": RunnablePassthrough()}
    return gathered | prompt | model


async def test_the_verifier_sees_what_the_retriever_returned(pair, call):
    two, known = pair(respond, logprobs=False), RetrievedDocuments()
    usage = UsageMetadataCallbackHandler()
    config = {"callbacks": [known, usage]}
    once = Router.preset("automix", samples=1)
    with collect_decisions() as decisions:
        answer = await call(rag(routed(two, router=once)), QUESTION, config=config)
    assert answer.text == "in 1911"
    assert contexts(two) == {f"About {QUESTION!r}: in 1911."}
    (decision,) = decisions
    counted = sum(step.input_tokens + step.output_tokens for step in decision.steps)
    assert decision.steps[-1].purpose == "verify"
    assert usage.usage_metadata["small"]["total_tokens"] == counted == 20 + 2 + 50 + 5
    assert answer.usage_metadata["total_tokens"] == counted
    assert known.open_trees == 0


async def test_without_a_handler_nothing_changes(pair, call):
    two = pair(respond, logprobs=False)
    await call(rag(routed(two)), QUESTION)
    assert contexts(two) == {None}


async def test_it_may_be_bound_to_the_chain(pair, call):
    two, known = pair(respond, logprobs=False), RetrievedDocuments()
    chain = rag(routed(two)).with_config(callbacks=[known])
    await call(chain, QUESTION)
    await call(RunnablePassthrough() | chain, QUESTION, config={"callbacks": [known]})
    assert contexts(two) == {f"About {QUESTION!r}: in 1911."}
    assert known.open_trees == 0


async def test_it_makes_no_arm_take_the_long_way(pair, call, monkeypatch):
    from langchain_automix import sending

    ways = []
    plain = sending.unheard

    def noting(*args, **keywords):
        ways.append(plain(*args, **keywords))
        return ways[-1]

    monkeypatch.setattr(sending, "unheard", noting)
    two, known = pair(respond, logprobs=False), RetrievedDocuments()
    config = {"callbacks": [known]}
    await call(rag(routed(two)), QUESTION, config=config)
    assert contexts(two) == {f"About {QUESTION!r}: in 1911."}
    assert ways
    assert all(ways)


async def test_the_models_inside_do_not_report_to_it(pair, call):
    heard = []

    class Noting(RetrievedDocuments):
        ignore_chat_model = False

        def on_chat_model_start(self, *_, run_id, **__):
            heard.append(run_id)

    two = pair(respond, logprobs=False)
    config = {"callbacks": [Noting(), UsageMetadataCallbackHandler()]}
    await call(rag(routed(two)), QUESTION, config=config)
    assert len(two.asked) > 1
    assert len(heard) == 1


async def test_what_the_prompt_shows_comes_first(pair, call):
    two = pair(respond, logprobs=False)
    marked = ChatPromptTemplate.from_template("Context:\n{facts}\n\nQuestion: {question}")
    config = {"callbacks": [RetrievedDocuments()]}
    await call(rag(routed(two), prompt=marked), QUESTION, config=config)
    assert contexts(two) == {f"ABOUT {QUESTION!r}: IN 1911.".replace(QUESTION, QUESTION.upper())}


async def test_what_the_user_says_wins(pair, call):
    two, config = pair(respond, logprobs=False), {"callbacks": [RetrievedDocuments()]}
    with grounding("What is asked?", "What was found."):
        await call(rag(routed(two)), QUESTION, config=config)
    with grounding("What is asked, without context?"):
        await call(rag(routed(two)), QUESTION, config=config)
    llm = routed(two, grounding=lambda _: Grounding("Mine?", "My own."))
    await call(rag(llm), QUESTION, config=config)
    assert contexts(two) == {"What was found.", None, "My own."}


async def test_pasted_documents_are_no_part_of_the_question(pair, call):
    two = pair(respond, logprobs=False)
    prompt = ChatPromptTemplate.from_template("Use what you know.\n{facts}\n{question}")
    archive = Archive(found=["OPENED IN 1911."])
    config = {"callbacks": [RetrievedDocuments()]}
    await call(rag(routed(two), archive, prompt), QUESTION, config=config)
    question = f"Question:\n> Use what you know.\n> {QUESTION}\n"
    assert all(question in shown for shown in checks(two))


async def test_two_retrievers_of_one_tree_in_order_and_each_text_once(pair, call):
    two = pair(respond, logprobs=False)
    first, second = Archive(found=["one", "two"]), Archive(found=["two", "", "three"])
    gathered = RunnablePassthrough.assign(left=lambda given: first.invoke(given["question"]))
    gathered |= RunnablePassthrough.assign(right=lambda given: second.invoke(given["question"]))
    chain = gathered | ChatPromptTemplate.from_template("{question} {left} {right}") | routed(two)
    await call(chain, {"question": QUESTION}, config={"callbacks": [RetrievedDocuments()]})
    assert contexts(two) == {"one\n\ntwo\n\nthree"}


async def test_event_streams(pair):
    two, known = pair(respond, logprobs=False), RetrievedDocuments()
    config = {"callbacks": [known]}
    events = rag(routed(two)).astream_events(QUESTION, config, version="v2")
    kinds = {event["event"] async for event in events}
    assert {"on_retriever_end", "on_chat_model_end"} <= kinds
    assert contexts(two) == {f"About {QUESTION!r}: in 1911."}
    assert known.open_trees == 0


async def test_two_branches_at_one_time(pair, call):
    two = pair(respond, logprobs=False)
    branches = RunnableParallel(
        left=Archive(found=["one"]) | shouted,
        right=Archive(found=["two"]) | shouted,
    )
    chain = branches | ChatPromptTemplate.from_template("{left} {right}") | routed(two)
    await call(chain, QUESTION, config={"callbacks": [RetrievedDocuments()]})
    (found,) = contexts(two)
    assert sorted(found.split("\n\n")) == ["one", "two"]


async def test_a_retriever_over_another_counts_alone(pair, call):
    two = pair(respond, logprobs=False)
    retriever = Reranked(base=Archive(found=["the best", "the rest"]))
    config = {"callbacks": [RetrievedDocuments()]}
    await call(rag(routed(two), retriever), QUESTION, config=config)
    assert contexts(two) == {"the best"}


async def test_an_ensemble(pair, call):
    ensemble = pytest.importorskip("langchain_classic.retrievers").EnsembleRetriever(
        retrievers=[Archive(found=["one", "two"]), Archive(found=["two", "three"])],
        weights=[0.5, 0.5],
    )
    two = pair(respond, logprobs=False)
    config = {"callbacks": [RetrievedDocuments()]}
    await call(rag(routed(two), ensemble), QUESTION, config=config)
    (found,) = contexts(two)
    assert found.split("\n\n") == [document.page_content for document in ensemble.invoke("?")]
    assert set(found.split("\n\n")) == {"one", "two", "three"}


def asked_and_shown(two):
    """The question and the context of every check, as numbers."""
    found = []
    for shown in checks(two):
        question = shown.split("Question:\n")[1].split("Answer:")[0]
        found.append((question.split("#")[-1].split("#")[0].strip("? >\n"), context_of(shown)))
    return found


NUMBERED = ChatPromptTemplate.from_template("You know: {facts} -- so, {question}")


def shows_own_documents(two, count):
    shown = set(asked_and_shown(two))
    assert shown == {(str(i), f"About 'Number #{i}?': in 1911.") for i in range(count)}


async def test_concurrent_questions_see_their_own_documents(pair):
    two, known = pair(respond, logprobs=False), RetrievedDocuments()
    chain, questions = rag(routed(two), prompt=NUMBERED), [f"Number #{i}?" for i in range(20)]
    config = {"callbacks": [known], "max_concurrency": 20}
    assert len(chain.batch(questions, config)) == 20
    shows_own_documents(two, 20)
    await chain.abatch(questions, config)
    await asyncio.gather(*(chain.ainvoke(question, config) for question in questions))
    with ThreadPoolExecutor(20) as threads:
        list(threads.map(lambda question: list(chain.stream(question, config)), questions))
    shows_own_documents(two, 20)
    assert known.open_trees == 0


@pytest.mark.parametrize("each", [lambda chain: chain.map(), lambda chain: chain.batch])
async def test_questions_side_by_side_under_one_root(pair, each):
    two, known = pair(respond, logprobs=False), RetrievedDocuments()
    whole = RunnablePassthrough() | each(rag(routed(two), prompt=NUMBERED))
    whole.invoke([f"Number #{i}?" for i in range(8)], {"callbacks": [known]})
    shows_own_documents(two, 8)
    assert known.open_trees == 0


async def test_a_search_that_finds_nothing_borrows_nothing(pair):
    class Sometimes(Archive):
        def _get_relevant_documents(self, query, *, run_manager):
            found = super()._get_relevant_documents(query, run_manager=run_manager)
            if "error" in query:
                raise ValueError(query)
            return [] if "nothing" in query else found

    two, known = pair(respond, logprobs=False), RetrievedDocuments()
    safe = Sometimes().with_fallbacks([RunnableLambda(lambda _: [])])
    config = {"callbacks": [known], "max_concurrency": 1}
    rag(routed(two), safe).map().invoke(["something", "nothing", "an error"], config)
    shown = [context_of(shown) for shown in checks(two)]
    assert shown == ["About 'something': in 1911.", None, None]


async def test_chains_of_langchain_classic(pair, call):
    chains = pytest.importorskip("langchain_classic.chains")
    combine = pytest.importorskip("langchain_classic.chains.combine_documents")

    def answer(body):
        if "Rephrase" in str(body["messages"]) and not is_check(body):
            return Scripted(text=QUESTION)
        return respond(body)

    two, known = pair(answer, logprobs=False), RetrievedDocuments()
    llm, history = routed(two), MessagesPlaceholder("chat_history")
    rephrase = ChatPromptTemplate([("system", "Rephrase."), history, ("human", "{input}")])
    system = ("system", "You are a guide. What you know is this. {context}")
    prompt = ChatPromptTemplate([system, history, ("human", "{input}")])
    retriever = chains.create_history_aware_retriever(llm, Archive(), rephrase)
    chain = chains.create_retrieval_chain(
        retriever, combine.create_stuff_documents_chain(llm, prompt)
    )
    talk = {"input": "And when?", "chat_history": [("human", "A station?"), ("ai", "Yes.")]}
    config = {"callbacks": [known]}
    if "stream" in call.way:
        assert "".join(part.get("answer", "") for part in chain.stream(talk, config)) == "in 1911"
    else:
        assert (await chain.ainvoke(talk, config))["answer"] == "in 1911"
    assert "> And when?" in checks(two)[-1]
    assert {context_of(shown) for shown in checks(two)} == {
        None,  # the question is put into words before anything is retrieved
        f"About {QUESTION!r}: in 1911.",
    }
    assert known.open_trees == 0


async def test_an_agent_with_a_retriever_as_a_tool(pair):
    agents = pytest.importorskip("langchain.agents")
    from langchain_automix import RoutingMiddleware

    def answer(body):
        if not is_check(body) and body["messages"][-1]["role"] == "user":
            return Scripted(tool_calls=(ToolCall("archive", {"query": "station"}),))
        return respond(body)

    two, known = pair(answer, logprobs=False), RetrievedDocuments()
    empty = ChatPromptTemplate.from_template("")  # the message of the tool shows nothing
    silent = create_retriever_tool(
        Archive(), "archive", "Look it up.", document_prompt=empty.messages[0].prompt
    )
    models = {"small": two.model("small"), "large": two.model("large")}
    ways = [
        agents.create_agent(routed(two), [silent]),
        agents.create_agent(
            models["large"], [silent], middleware=[RoutingMiddleware(models, router="automix")]
        ),
    ]
    for agent in ways:
        asked, config = {"messages": [("user", QUESTION)]}, {"callbacks": [known]}
        before = len(checks(two))
        state = agent.invoke(asked, config)
        assert routing_decision(state["messages"][-1]).arm == "small"
        assert (await agent.ainvoke(asked, config))["messages"][-1].text == "in 1911"
        assert list(agent.stream(asked, config))
        shown = checks(two)[before:]
        assert {context_of(each) for each in shown} == {"About 'station': in 1911."}
        assert all(f"> {QUESTION}" in each for each in shown)
    assert known.open_trees == 0


async def test_a_graph_that_retrieves_in_one_node_and_answers_in_another(pair):
    graphs = pytest.importorskip("langgraph.graph")
    two, known = pair(respond, logprobs=False), RetrievedDocuments()
    llm, archive = routed(two), Archive()
    graph = graphs.StateGraph(dict)
    graph.add_node("find", lambda state: {**state, "facts": shouted(archive.invoke(state["q"]))})
    graph.add_node("say", lambda state: {"said": llm.invoke(f"{state['facts']}; {state['q']}")})
    graph.add_edge(graphs.START, "find")
    graph.add_edge("find", "say")
    compiled = graph.compile()
    config = {"callbacks": [known]}
    assert isinstance(compiled.invoke({"q": QUESTION}, config)["said"], AIMessage)
    await compiled.ainvoke({"q": QUESTION}, config)
    assert contexts(two) == {f"About {QUESTION!r}: in 1911."}
    assert known.open_trees == 0


async def test_structured_output_and_tools_pass_it_by(pair):
    """Their answers are judged by their form; the documents change nothing about that."""

    def calls(body):
        return Scripted(tool_calls=(ToolCall("archive", {"query": "station"}),))

    two, config = pair(calls, logprobs=False), {"callbacks": [RetrievedDocuments()]}
    tool = create_retriever_tool(Archive(), "archive", "Look it up.")
    answer = await rag(routed(two).bind_tools([tool])).ainvoke(QUESTION, config)
    assert answer.tool_calls[0]["args"] == {"query": "station"}
    schema = {"title": "archive", "description": "?", "type": "object", "properties": {}}
    structured = routed(two).with_structured_output(schema, method="function_calling")
    assert await rag(structured).ainvoke(QUESTION, config) == {"query": "station"}
    assert set(two.asked) == {"small"}


async def test_an_error_is_forgotten(pair):
    def fails(_):
        raise ValueError("broken")

    two, known = pair(respond, logprobs=False), RetrievedDocuments()
    whole = rag(routed(two)) | fails
    config = {"callbacks": [known]}
    with pytest.raises(ValueError, match="broken"):
        whole.invoke(QUESTION, config)
    with pytest.raises(ValueError, match="broken"):
        await whole.ainvoke(QUESTION, config)
    with pytest.raises(ValueError, match="broken"):
        rag(routed(two), RunnableLambda(fails)).invoke(QUESTION, config)
    assert known.open_trees == 0


async def test_a_stream_that_is_given_up_is_forgotten(pair):
    two, known = pair(respond, logprobs=False), RetrievedDocuments()
    chain, config = rag(routed(two)) | StrOutputParser(), {"callbacks": [known]}
    stream = chain.stream(QUESTION, config)
    next(stream)
    stream.close()
    astream = chain.astream(QUESTION, config)
    await anext(astream)
    await astream.aclose()
    await until(lambda: not known.open_trees)  # LangChain closes what is inside a little later
    assert known.open_trees == 0


async def cancelled(runnable, config):
    task = asyncio.ensure_future(runnable.ainvoke(QUESTION, config))
    for _ in range(20):
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_cancelled_calls_leave_no_more_than_is_said():
    known = RetrievedDocuments(trees=5)
    for _ in range(12):
        await cancelled(Stuck(), {"callbacks": [known]})  # nobody is told that it ended
    assert known.open_trees == 5
    assert len(known._runs) == 5
    await cancelled(rag(RunnableLambda(str), Stuck()), {"callbacks": [known]})
    assert len(known._runs) <= 5


async def test_a_call_among_cancelled_ones_is_served(pair):
    two, known = pair(respond, logprobs=False), RetrievedDocuments(trees=2)
    for _ in range(5):
        await cancelled(Stuck(), {"callbacks": [known]})
    await rag(routed(two)).ainvoke(QUESTION, {"callbacks": [known]})
    assert contexts(two) == {f"About {QUESTION!r}: in 1911."}


def started(known, parent=None):
    run_id = uuid.uuid4()
    known.on_chain_start({}, {}, run_id=run_id, parent_run_id=parent)
    return run_id


def retrieved(known, parent, text):
    run_id = uuid.uuid4()
    known.on_retriever_start({}, "?", run_id=run_id, parent_run_id=parent)
    known.on_retriever_end([Document(text)], run_id=run_id, parent_run_id=parent)


def test_the_tree_that_was_silent_longest_is_forgotten_first():
    known = RetrievedDocuments(trees=2)
    busy, silent = started(known), started(known)
    retrieved(known, busy, "busy")
    retrieved(known, silent, "silent")
    started(known, busy)
    started(known)
    assert known.around(busy) == ("busy",)
    assert known.around(silent) == ()
    retrieved(known, silent, "too late")
    assert known.around(silent) == ()


def test_threads_on_one_handler():
    known, failed = RetrievedDocuments(), []

    def work(number):
        for turn in range(200):
            root = started(known)
            inner = started(known, root)
            retrieved(known, inner, f"{number} {turn}")
            if known.around(root) != (f"{number} {turn}",):
                failed.append((number, turn))
            known.on_chain_end({}, run_id=inner)
            known.on_chain_end({}, run_id=root)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    assert known.open_trees == 0
    assert not known._runs


def test_at_least_one_tree_is_kept():
    with pytest.raises(ConfigurationError, match="at least 1, not 0"):
        RetrievedDocuments(trees=0)
