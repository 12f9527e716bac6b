"""Groups of things that are joined directly or through others (a union-find). Knows nothing of what it groups."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Generic, TypeVar

T = TypeVar("T", bound=Hashable)


class Islands(Generic[T]):
    """Things and the joins between them."""

    def __init__(self) -> None:
        self._parent: dict[T, T] = {}
        self._visited: set[T] = set()

    def add(self, thing: T) -> None:
        self._parent.setdefault(thing, thing)

    def join(self, one: T, other: T) -> None:
        """Put both on one island."""
        self.add(one)
        self.add(other)
        self._parent[self._root(one)] = self._root(other)

    def visit(self, things: Iterable[T]) -> None:
        """Remember that the neighbours of these are known."""
        self._visited.update(things)

    def visited(self, thing: T) -> bool:
        return thing in self._visited

    def all(self) -> list[list[T]]:
        """Every island, in the order in which its first member came."""
        found: dict[T, list[T]] = {}
        for thing in self._parent:
            found.setdefault(self._root(thing), []).append(thing)
        return list(found.values())

    def _root(self, thing: T) -> T:
        while self._parent[thing] != thing:
            self._parent[thing] = self._parent[self._parent[thing]]
            thing = self._parent[thing]
        return thing
