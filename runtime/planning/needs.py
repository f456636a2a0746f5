# SPDX-License-Identifier: GPL-3.0-or-later
"""What a node needs of the machine that its tasks run on, as an artist writes it: "GPU=1, memory=16, OS=Linux"."""

from __future__ import annotations

import functools
import math
import os
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from ..errors import CompileError, Problem
from .plan import PlannedTask

_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
_VERSION: Final = re.compile(r"[0-9]+(\.[0-9]+)*")
#: As an artist may write them, and as Python's `platform.system` has them.
_SYSTEMS: Final = {"linux": "Linux", "windows": "Windows", "macos": "Darwin", "darwin": "Darwin"}
#: Bytes. Decimal: what is sold as 16 GB has more, but the system keeps a part, and memory=16 means such a machine.
GIGABYTE: Final = 1000**3


@dataclass(frozen=True, slots=True)
class Needs:
    """What a task needs of a machine.

    Attributes:
        system: as `platform.system` has it, "" for any.
        memory: bytes that the machine has at least.
        blender: the version of its Blender, "5.2" for each 5.2.x; "" for any.
        resources: how much a task takes of what a machine says to have, such as GPUs.
        addons: versions of the add-ons that its Blender must have, by their modules; "" for any version. They are never
            in a text: a node has a field for them.
    """

    system: str = ""
    memory: float = 0.0
    blender: str = ""
    resources: Mapping[str, float] = field(default_factory=dict)
    addons: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Offer:
    """What a machine has: as in `Needs`.

    A `memory` of 0, a `blender` of "" and `addons` of None are unknown, and enough.
    """

    system: str
    memory: float = 0.0
    blender: str = ""
    resources: Mapping[str, float] = field(default_factory=dict)
    addons: Mapping[str, str] | None = None

    def lacks(self, needs: Needs) -> str:
        """What it has not enough of, as it would be written; "" if it has all."""
        if needs.system not in ("", self.system):
            return f"OS={'macOS' if needs.system == 'Darwin' else needs.system}"
        if 0.0 < self.memory < needs.memory:
            return f"memory={needs.memory / GIGABYTE:.9g}"
        wanted = needs.blender.split(".") if needs.blender else []
        if self.blender and self.blender.split(".")[: len(wanted)] != wanted:
            return f"Blender={needs.blender}"
        lacking = (name for name, amount in needs.resources.items() if self.resources.get(name, 0.0) < amount)
        name = next(lacking, "")
        if name:
            return f"{name}={needs.resources[name]:.9g}"
        return next(filter(None, (self._lacks_addon(*each) for each in needs.addons.items())), "")

    def _lacks_addon(self, module: str, version: str) -> str:
        found = version if self.addons is None else self.addons.get(module)
        if found is not None:
            is_enough = version in ("", found)
            return "" if is_enough else f'version {version} of the add-on "{module}", but {found or "one without"}'
        name = module.rpartition(".")[2]  # of an extension, without its repository
        other = next((each for each in self.addons or () if each.rpartition(".")[2] == name), "")
        return f'the add-on "{module}"' + (f', but "{other}"' if other else "")


@functools.cache
def parsed(text: str) -> Needs:
    """What a text asks for, nothing if it is empty. Raises ValueError with what is wrong, a phrase."""
    told: dict[str, str] = {}
    for part in filter(None, map(str.strip, text.split(","))):
        name, _, amount = (piece.strip() for piece in part.partition("="))
        key = name.lower() if name.lower() in ("os", "memory", "blender") else name
        if not _NAME.fullmatch(name) or not amount:
            raise ValueError(f'"{part}" is not of the form NAME=AMOUNT')
        if key in told:
            raise ValueError(f"{name} is there twice")
        told[key] = amount
    system, blender = told.pop("os", ""), told.pop("blender", "")
    if system and system.lower() not in _SYSTEMS:
        raise ValueError(f'"{system}" is no OS: Linux, Windows or macOS')
    if blender and not _VERSION.fullmatch(blender):
        raise ValueError(f'"{blender}" is no version of Blender')
    memory = _number("memory", told.pop("memory", "0").removesuffix("GB").strip()) * GIGABYTE
    resources = {name: _number(name, amount) for name, amount in told.items()}
    return Needs(_SYSTEMS.get(system.lower(), ""), memory, blender, resources)


def _number(name: str, text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0.0 <= number < math.inf:
        raise ValueError(f'{name}="{text}" is no amount')
    return number


def own_memory() -> float:
    """Bytes that this machine has, 0 if the system does not tell."""
    try:
        return float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    except (AttributeError, ValueError, OSError):  # Windows
        return 0.0


def check(tasks: Iterable[PlannedTask], why_not: Callable[[str, Collection[str]], str]) -> None:
    """Check what tasks need.

    Args:
        tasks: what is to run.
        why_not: tells why nobody can serve a need with these add-ons, "" if somebody may.

    Raises:
        CompileError: if nobody can serve one, or it says nothing.
    """
    problems = []
    for task in tasks:
        text, addons = task.settings.needs, task.settings.addons
        try:
            reason = why_not(text, addons) if parsed(text) != Needs() or addons else ""
            fix = "Use another engine or machine, or change Needs in the Sidebar"
            if addons:
                fix = "Install them where it is to run, use another engine, or change Needs or Add-ons in the Sidebar"
        except ValueError as error:
            reason, fix = str(error), "Write what its machine must have, as in: GPU=1, memory=16, OS=Linux"
        if reason:
            problems.append(Problem(task.name, "", f"what it needs can't be had: {reason}", fix, task.id))
    if problems:
        raise CompileError(problems)
