from hypothesis import given
from hypothesis import strategies as st

from cnn.jobs.fair_queue import FairQueue


def drain(queue):
    return [queue.pop(lambda item: True) for _ in range(len(queue))]


@given(st.lists(st.sampled_from("abcd"), max_size=30))
def test_the_order_shown_is_the_order_served_and_sessions_alternate(sessions):
    queue = FairQueue()
    for number, session in enumerate(sessions):
        queue.push(session, (session, number))
    shown = queue.in_order()
    served = drain(queue)
    assert shown == served
    assert sorted(served) == sorted((session, number) for number, session in enumerate(sessions))
    for session in set(sessions):
        mine = [number for name, number in served if name == session]
        assert mine == sorted(mine), "in order within a session"
    for place, (session, _) in enumerate(served):
        turns = sum(name == session for name, _ in served[:place])
        for other in set(sessions) - {session}:
            others = sum(name == other for name, _ in served[:place])
            assert others >= min(turns, sessions.count(other)), "nobody is served twice before another once"


def test_a_replacement_keeps_the_place():
    queue = FairQueue()
    for session in "abc":
        queue.push(session, session)
    queue.replace("b", "b", "B")
    assert drain(queue) == ["a", "B", "c"]


def test_one_who_is_not_ready_is_passed_over_and_keeps_the_place():
    queue = FairQueue()
    for session in "abc":
        queue.push(session, session)
    assert queue.pop(lambda item: item != "a") == "b"
    assert queue.pop(lambda item: item == "z") is None
    assert drain(queue) == ["a", "c"]


def test_remove():
    queue = FairQueue()
    queue.push("a", 1)
    queue.push("a", 2)
    assert queue.remove("a", 1)
    assert not queue.remove("a", 1)
    assert not queue.remove("b", 2)
    assert drain(queue) == [2]
