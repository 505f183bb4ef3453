"""Waiting work in turn: one place in the round for every session, however much that session has asked for."""

from collections import deque
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class FairQueue(Generic[T]):
    """Items of several sessions, served round robin between the sessions and in order within one. Not
    thread-safe.
    """

    def __init__(self) -> None:
        self._waiting: dict[Hashable, deque[T]] = {}  # in the order of the round

    def __len__(self) -> int:
        return sum(map(len, self._waiting.values()))

    def push(self, session: Hashable, item: T) -> None:
        self._waiting.setdefault(session, deque()).append(item)

    def replace(self, session: Hashable, old: T, new: T) -> None:
        """Put `new` where `old` waited: who changes their mind keeps their place. Raises ValueError if it is
        not there.
        """
        items = self._waiting.get(session, deque())
        items[items.index(old)] = new

    def remove(self, session: Hashable, item: T) -> bool:
        items = self._waiting.get(session)
        if items is None or item not in items:
            return False
        items.remove(item)
        if not items:
            del self._waiting[session]
        return True

    def pop(self, ready: Callable[[T], bool]) -> T | None:
        """The next item that is `ready`; its session goes to the end of the round. None if no session has
        one.
        """
        for session, items in self._waiting.items():
            if ready(items[0]):
                item = items.popleft()
                del self._waiting[session]
                if items:
                    self._waiting[session] = items
                return item
        return None

    def in_order(self) -> list[T]:
        """All items, in the order in which they will be served."""
        rounds: list[T] = []
        longest = max(map(len, self._waiting.values()), default=0)
        for turn in range(longest):
            rounds.extend(items[turn] for items in self._waiting.values() if turn < len(items))
        return rounds
