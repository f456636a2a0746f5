# SPDX-License-Identifier: GPL-3.0-or-later
"""Tells a listener which scripts came as text from elsewhere, with nodes: nobody here has written or chosen them."""

from __future__ import annotations

from typing import Protocol

import bpy


class Listener(Protocol):
    """What wants to know."""

    def text_came(self, text: bpy.types.Text, source: str) -> None:
        """A text was made, or is used again. `source` is what it came with, "" if nobody knows."""
        ...

    def file_came(self, filepath: str) -> None:
        """A node names a file as its script."""
        ...


_listeners: list[Listener] = []


def listen(listener: Listener) -> None:
    _listeners.append(listener)


def stop_listening(listener: Listener) -> None:
    _listeners.remove(listener)


def tell_text(text: bpy.types.Text, source: str) -> None:
    for listener in _listeners:
        listener.text_came(text, source)


def tell_file(filepath: str) -> None:
    for listener in _listeners:
        listener.file_came(filepath)
