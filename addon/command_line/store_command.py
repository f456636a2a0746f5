# SPDX-License-Identifier: GPL-3.0-or-later
"""The command `store`: what is kept of earlier runs, and what is done with it. It needs no Blender."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from ...runtime.errors import StoreError
from ...runtime.store import upkeep
from ...runtime.store.folder import default_folder
from ...runtime.store.limits import Limits, shown
from ...runtime.store.store import Store
from ...runtime.store.upkeep import Info, Removed, Verified
from .terminal_text import harmless, one_line

#: Increased with each change that readers of the JSON must follow.
_VERSION: Final = 1
_EXIT_FAILED: Final = 1

Outcome = Info | Verified | Removed
_ACTIONS: Final[dict[str, Callable[[Store], Outcome]]] = {
    "info": upkeep.info,
    "verify": upkeep.verify,
    "prune": upkeep.prune,
    "clear": upkeep.clear,
}


def carry_out(
    options: argparse.Namespace, usual_folder: Callable[[], Path] = default_folder, usual_limits: Limits | None = None
) -> tuple[int, str]:
    """Do what the options ask for. The usual folder and limits are those of a Python without Blender.

    Returns:
        the exit code, and the text for standard output: the report.
    """
    notes: list[str] = []
    outcome: Outcome | None = None
    try:
        folder = Path(options.store).absolute() if options.store else usual_folder()
        outcome = _act(options, Store(folder, _limits(options, usual_limits or Limits()), notes.append))
    except StoreError as error:
        notes.append(str(error))
    is_fine = outcome is not None and not (isinstance(outcome, Verified) and outcome.num_damaged)
    exit_code = 0 if is_fine else _EXIT_FAILED
    with contextlib.suppress(OSError):
        sys.stderr.writelines(f"{harmless(note)}\n" for note in notes)
    return exit_code, _as_json(exit_code, outcome, notes) if options.json else _as_text(outcome)


def _limits(options: argparse.Namespace, usual: Limits) -> Limits:
    chosen = {"max_size": options.max_size, "min_free": options.min_free}
    return dataclasses.replace(usual, **{name: size for name, size in chosen.items() if size is not None})


def _act(options: argparse.Namespace, store: Store) -> Outcome:
    if not store.folder.path.is_dir():
        store.note(f"Nothing is kept in {store.folder.path.parent} yet")
    try:
        if options.unused:
            return upkeep.clear_unused(store)
        return _ACTIONS[options.action](store)
    finally:
        store.close()


def _as_json(exit_code: int, outcome: Outcome | None, notes: list[str]) -> str:
    fields = {} if outcome is None else dataclasses.asdict(outcome)
    content = {"version": _VERSION, "exit_code": exit_code, **fields, "notes": notes}
    return json.dumps(content, indent=2, default=str) + "\n"


def _as_text(outcome: Outcome | None) -> str:
    match outcome:
        case Info():
            text = (
                f"{outcome.folder}: {shown(outcome.size)} of {shown(outcome.max_size)}; "
                f"results: {outcome.num_records}, needed now: {outcome.num_needed}; "
                f"free on the disk: {shown(outcome.free)}"
            )
        case Verified():
            text = f"results read: {outcome.num_records}, {shown(outcome.size)}; damaged: {outcome.num_damaged}"
        case Removed():
            text = f"results removed: {outcome.num_records}, {shown(outcome.size)}"
        case None:
            return ""
    return f"{one_line(text)}\n"
