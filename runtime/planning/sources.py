# SPDX-License-Identifier: GPL-3.0-or-later
"""Where values come from: what an argument of a task, or a delivery, is made of."""

from __future__ import annotations

from dataclasses import dataclass

from ..script.socket_types import OPEN_FILE, SocketType, Value


@dataclass(frozen=True, slots=True)
class Constant:
    """A value known before the run."""

    value: Value
    type: SocketType

    @property
    def names_open_file(self) -> bool:
        values = self.value if isinstance(self.value, tuple) else (self.value,)
        return self.type.kind == "BLEND_FILE" and OPEN_FILE in values


@dataclass(frozen=True, slots=True)
class FromTask:
    """An output of another task of the plan; `type` is what it gives: a list if that task is mapped."""

    task: str
    output: str
    type: SocketType

    @property
    def place(self) -> tuple[str, str]:
        """The node and the socket that show it."""
        return self.task, self.output


Source = Constant | FromTask
