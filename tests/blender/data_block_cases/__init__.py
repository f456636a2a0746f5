"""Data-blocks with non-default content, for the tests that carry them to a worker and back.

Each module has cases of a group of kinds; all modules in this folder are read. A case is a function that makes a
data-block in the open file and returns it:

    @case("Light")
    def light_spot() -> bpy.types.ID: ...

Runs in the foreground and in a worker, which imports it as `data_block_cases`.
"""

from __future__ import annotations

import importlib
import pkgutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import bpy

Version = tuple[int, int]


@dataclass(frozen=True)
class Case:
    """A data-block to be made.

    Attributes:
        name: names the case among all.
        kind: the kind of the data-block, as in `runtime.blender.kinds`.
        make: makes it.
        since, until: the first version that has it, and the first that has it no more.
    """

    name: str
    kind: str
    make: Callable[[], bpy.types.ID] = field(repr=False)
    since: Version
    until: Version

    @property
    def is_here(self) -> bool:
        """Whether the running Blender has it."""
        return self.since <= bpy.app.version[:2] < self.until


_cases: dict[str, Case] = {}
_folders: list[str] = []


def case(kind: str, *, since: Version = (4, 2), until: Version = (99, 0)) -> Callable:
    """Make a function a case, with the function's name."""

    def add(make: Callable[[], bpy.types.ID]) -> Callable[[], bpy.types.ID]:
        name = make.__name__
        if name in _cases:
            raise ValueError(f"there are two cases {name}")
        _cases[name] = Case(name, kind, make, since, until)
        return make

    return add


def all_cases() -> dict[str, Case]:
    """Every case that the running Blender has, by name."""
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}")
    return {name: found for name, found in _cases.items() if found.is_here}


def use_folder(parent: Path) -> None:
    """Let `new_folder` make its folders there."""
    _folders[:] = [str(parent)]


def new_folder() -> Path:
    """An empty folder for the files that a case needs."""
    return Path(tempfile.mkdtemp(prefix="case ", dir=_folders[-1] if _folders else None))
