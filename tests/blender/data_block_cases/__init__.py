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
        kind: the kind of the data-block, as in `runtime.blender.data_block_kinds`.
        make: makes it.
        since, until: the first version that has it, and the first that has it no more.
        needs: the name of the build option without which there is no making it, as in `bpy.app.build_options`: a
            distribution may leave something out. "" if there is none.
    """

    name: str
    kind: str
    make: Callable[[], bpy.types.ID] = field(repr=False)
    since: Version
    until: Version
    needs: str

    @property
    def is_of_version(self) -> bool:
        """Whether Blenders of the running one's version have it."""
        return self.since <= bpy.app.version[:2] < self.until

    @property
    def is_here(self) -> bool:
        """Whether the running Blender has it."""
        return self.is_of_version and (not self.needs or getattr(bpy.app.build_options, self.needs))


_cases: dict[str, Case] = {}
_folders: list[str] = []


def case(kind: str, *, since: Version = (4, 2), until: Version = (99, 0), needs: str = "") -> Callable:
    """Make a function a case, with the function's name."""

    def add(make: Callable[[], bpy.types.ID]) -> Callable[[], bpy.types.ID]:
        name = make.__name__
        if name in _cases:
            raise ValueError(f"there are two cases {name}")
        _cases[name] = Case(name, kind, make, since, until, needs)
        return make

    return add


def all_cases() -> dict[str, Case]:
    """Every case that the running Blender has, by name."""
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}")
    return {name: found for name, found in _cases.items() if found.is_here}


def num_cases() -> int:
    """How many cases there are for the running Blender's version, whatever was left out when it was built."""
    all_cases()
    return sum(found.is_of_version for found in _cases.values())


def use_folder(parent: Path) -> None:
    """Let `new_folder` make its folders there."""
    _folders[:] = [str(parent)]


def new_folder() -> Path:
    """An empty folder for the files that a case needs."""
    return Path(tempfile.mkdtemp(prefix="case ", dir=_folders[-1] if _folders else None))
