"""The `with` blocks nest, end with their block, and reach threads and tasks but not strangers."""

import asyncio
import threading

import pytest

from automix_core import Grounding, Preference, collect_decisions, grounding, preferring
from automix_core.contexts import Contexts, collectors, current_grounding, current_preference

CHEAP, DEAR = Preference(cost_weight=1.0), Preference(cost_weight=0.0)


def test_the_innermost_preference_holds_and_ends_with_its_block():
    with preferring(DEAR):
        with preferring(CHEAP):
            assert current_preference() == CHEAP
        assert current_preference() == DEAR
    assert current_preference() is None


def test_a_grounding_ends_with_its_block():
    with grounding("Why?", "Because."):
        assert current_grounding() == Grounding("Why?", "Because.")
    assert current_grounding() is None


def test_every_collector_around_a_call_hears_of_it():
    with collect_decisions() as outer, collect_decisions() as inner:
        assert [id(heard) for heard in collectors()] == [id(outer), id(inner)]
    assert collectors() == ()


def test_an_error_ends_the_blocks_as_well():
    with pytest.raises(KeyError), preferring(CHEAP), grounding("q"), collect_decisions():
        raise KeyError
    assert Contexts.here() == Contexts(None, None, ())


def test_a_thread_of_ones_own_is_another_world():
    seen = []
    with preferring(CHEAP):
        thread = threading.Thread(target=lambda: seen.append(current_preference()))
        thread.start()
        thread.join()
    assert seen == [None]


async def test_tasks_inherit_the_block_and_do_not_mix():
    async def inside(preference):
        with preferring(preference):
            await asyncio.sleep(0.01)
            return current_preference()

    async def inheriting():
        return current_preference()

    with preferring(DEAR):
        assert await asyncio.create_task(inheriting()) == DEAR
        assert await asyncio.gather(inside(CHEAP), inside(DEAR)) == [CHEAP, DEAR]


def test_what_held_at_a_line_can_be_put_in_force_again_later():
    with preferring(CHEAP), grounding("q", "c"), collect_decisions() as decisions:
        held = Contexts.here()
    with preferring(DEAR):
        with held.restored():
            assert current_preference() == CHEAP
            assert current_grounding() == Grounding("q", "c")
            assert collectors()[0] is decisions
        assert current_preference() == DEAR
