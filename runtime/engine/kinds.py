# SPDX-License-Identifier: GPL-3.0-or-later
"""Which engines can be chosen: the pool of this machine, and what add-ons and Python packages add.

An engine is chosen by a text: its name, and after "://" what it is to be told: "pool", "dask://render1:8786".
"""

from __future__ import annotations

import importlib.metadata
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from ..errors import EngineError
from ..scratch.scratch import Scratch
from .workers import ManagedEngine

#: The name of the pool of this machine, which is used if nobody chooses another engine.
POOL: Final = "pool"
#: Python packages name functions under this group of entry points; each adds the engines of its package.
ENTRY_POINTS: Final = "background_nodes.engines"

_NAME: Final = re.compile(r"[a-z][a-z0-9_]*")
_BETWEEN: Final = "://"

#: Makes an engine that finds blobs and logs in a scratch folder. It gets what stands after "://", "" if nothing does.
Maker = Callable[[str, Scratch], ManagedEngine]


@dataclass(frozen=True, slots=True)
class EngineKind:
    """An engine that can be chosen.

    Attributes:
        name: what it is chosen by.
        make: makes it. It raises EngineError if it makes no sense of what it is told, and does not wait.
        label, description: as a menu shows them.
    """

    name: str
    make: Maker
    label: str
    description: str


class EngineKinds:
    """The engines that can be chosen, in the order in which they were added."""

    def __init__(self) -> None:
        self._kinds: dict[str, EngineKind] = {}

    def __iter__(self) -> Iterator[EngineKind]:
        return iter(tuple(self._kinds.values()))

    def add(self, kind: EngineKind) -> None:
        """Let an engine be chosen. Raises ValueError if its name is none, or that of another one."""
        if not _NAME.fullmatch(kind.name):
            raise ValueError(f"{kind.name!r} can't be the name of an engine: use small letters, digits and _")
        if kind.name in self._kinds:
            raise ValueError(f"there is an engine {kind.name!r} already")
        self._kinds[kind.name] = kind

    def remove(self, name: str) -> None:
        """Offer an engine no longer. What was made by it stays. Raises KeyError if there is none of this name."""
        del self._kinds[name]

    def find(self, chosen: str) -> tuple[EngineKind, str]:
        """The engine that a text chooses, and what it is to be told. Raises EngineError if there is none."""
        name, _, told = chosen.partition(_BETWEEN)
        if name not in self._kinds:
            names = " or ".join(sorted(self._kinds))
            fix = f"Choose {names}; others come with add-ons or Python packages, which may be missing here"
            raise EngineError(f'there is no engine "{name}"', fix)
        return self._kinds[name], told

    def add_installed(self) -> None:
        """Add the engines of installed Python packages, but for those that are there.

        Raises:
            EngineError: if one of them can't be added.
        """
        for point in importlib.metadata.entry_points(group=ENTRY_POINTS):
            if point.name in self._kinds:
                continue
            try:
                point.load()()
            except Exception as error:
                package = point.dist.name if point.dist is not None else point.value
                message = f'the engine "{point.name}" of {package} can\'t be used ({type(error).__name__}: {error})'
                raise EngineError(message, f"Install {package} anew, or remove it") from error


#: Those of this process.
engine_kinds: Final = EngineKinds()
