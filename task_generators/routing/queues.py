"""The open tasks of a mix in two orders: by what one more answer is worth, and by age."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from task_generators.routing.board import Offer

Key = tuple[float, int]
"""Less is worth more; of equal ones the older."""


class MixQueue:
    """Those tasks of one mix that still have places. ``taken`` returns how many people have a task now."""

    def __init__(
        self, offers: Iterable[Offer], age: Callable[[str], int], taken: Callable[[Offer], int]
    ) -> None:
        """Args: ``age`` returns the place of a task among all, oldest first."""
        self._taken = taken
        self._age = age
        self._oldest = sorted((offer for offer in offers if self._places(offer)), key=self._born)
        self._first = 0
        self._heap = [(self._key(offer), offer.task.id, offer) for offer in self._oldest]
        heapq.heapify(self._heap)

    def best(self) -> tuple[Key, Offer] | None:
        """Return the task that is worth most, left in its place; None: there is none."""
        while self._heap:
            key, _, offer = self._heap[0]
            if not self._places(offer):
                heapq.heappop(self._heap)
            elif (now := self._key(offer)) != key:
                heapq.heapreplace(self._heap, (now, offer.task.id, offer))
            else:
                return key, offer
        return None

    def set_aside(self) -> Offer:
        """Take out the task that ``best`` returned, and return it; ``put_back`` brings it back."""
        return heapq.heappop(self._heap)[-1]

    def put_back(self, offers: Iterable[Offer]) -> None:
        """Bring back tasks that were set aside."""
        for offer in offers:
            if self._places(offer):
                heapq.heappush(self._heap, (self._key(offer), offer.task.id, offer))

    def by_age(self, start: int = 0) -> Iterator[tuple[int, Offer]]:
        """Yield the tasks from place ``start`` on, oldest first, each with the place after it."""
        while self._first < len(self._oldest) and not self._places(self._oldest[self._first]):
            self._first += 1
        for place in range(max(start, self._first), len(self._oldest)):
            if self._places(self._oldest[place]):
                yield place + 1, self._oldest[place]

    def _places(self, offer: Offer) -> bool:
        return self._taken(offer) < offer.places()

    def _key(self, offer: Offer) -> Key:
        return -offer.value(self._taken(offer)), self._born(offer)

    def _born(self, offer: Offer) -> int:
        return self._age(offer.task.id)
