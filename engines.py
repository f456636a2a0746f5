# SPDX-License-Identifier: GPL-3.0-or-later
"""Add engines: what carries out the tasks of runs in place of the background Blenders of this machine.

    from background_nodes import engines        # in Blender: from bl_ext.user_default.background_nodes import engines

    def make(address, scratch):
        return MyEngine(address, scratch)

    engines.add("my_farm", make, label="My Farm", description="Run on the machines of the studio")

It is chosen in the preferences, and on the command line with `--engine my_farm` or `--engine my_farm://ADDRESS`. What
an engine must be able to do is told by the protocol `ManagedEngine`. An add-on adds its engines in its `register` and
removes them in `unregister`. A Python package names a function that adds them as an entry point of the group
`background_nodes.engines`, under the name of the engine; the command line calls it.
"""

from __future__ import annotations

from .runtime.engine.interface import Engine, Lost, NoWorker, Report, Request
from .runtime.engine.kinds import EngineKind, Maker, engine_kinds
from .runtime.engine.workers import ManagedEngine, WorkerInfo, WorkerSettings
from .runtime.errors import EngineError

__all__ = [
    "Engine",
    "EngineError",
    "Lost",
    "ManagedEngine",
    "NoWorker",
    "Report",
    "Request",
    "WorkerInfo",
    "WorkerSettings",
    "add",
    "remove",
]


def add(name: str, make: Maker, *, label: str = "", description: str = "") -> None:
    """Let an engine be chosen.

    Args:
        name: what it is chosen by: small letters, digits and _.
        make: makes the engine. It is called with the address, "" if none was given, and the scratch folder where blobs
            and logs are found by their names. It raises EngineError if the address makes no sense, and never waits.
        label: its name in the menu.
        description: its tooltip there.

    Raises:
        ValueError: if the name can't be one, or another engine has it.
    """
    engine_kinds.add(EngineKind(name, make, label or name.replace("_", " ").title(), description))


def remove(name: str) -> None:
    """Offer an engine no longer. Runs that use it go on. Raises KeyError if there is none of this name."""
    engine_kinds.remove(name)
