# SPDX-License-Identifier: GPL-3.0-or-later
"""Tells listeners which files nodes were given as scripts here, by hand or by Python. Opening a file tells nothing."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

#: Called with the path as it was given.
Listener = Callable[[str], None]
_listeners: list[Listener] = []


def listen(listener: Listener) -> None:
    _listeners.append(listener)


def stop_listening(listener: Listener) -> None:
    _listeners.remove(listener)


@contextlib.contextmanager
def not_chosen_here() -> Iterator[None]:
    """Within the block nodes are given what came from elsewhere: nobody is told."""
    before = _listeners[:]
    _listeners.clear()
    try:
        yield
    finally:
        _listeners[:] = before


def tell(filepath: str) -> None:
    for listener in _listeners:
        listener(filepath)
