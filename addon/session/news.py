# SPDX-License-Identifier: GPL-3.0-or-later
"""News: listeners are called after something has happened."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from .faults import Faults

Told = TypeVar("Told")


class News(Generic[Told]):
    """One kind of news. If a listener raises, the error is printed and the others are still called."""

    def __init__(self) -> None:
        self._listeners: list[Callable[[Told], object]] = []
        self._faults = Faults()

    def listen(self, listener: Callable[[Told], object]) -> None:
        self._listeners.append(listener)

    def stop_listening(self, listener: Callable[[Told], object]) -> None:
        self._listeners.remove(listener)

    def tell(self, told: Told) -> None:
        for listener in tuple(self._listeners):
            self._faults.guard(listener, told)
