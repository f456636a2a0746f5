# SPDX-License-Identifier: GPL-3.0-or-later
"""The trees that the artist has let run by themselves: they do so again when their file is opened another day.

That their scripts may run is not enough. A tree of somebody else, of shipped nodes only, may write files wherever its
author wanted. So a tree is known by its mode, its scripts, all texts that it gives them (paths, names), and the add-ons
that it enables. Other values may be changed. This is kept in a folder of the user, never in the .blend.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path, PurePath
from typing import Final

from ...runtime.planning.plan import PlannedTask
from ...runtime.planning.sources import Constant, leaves

#: Trees that are known; those that ran last.
MAX_TREES: Final = 500


class KnownTrees:
    """An empty file for each tree, named by its digest. `find_folder` is called once it is needed."""

    def __init__(self, find_folder: Callable[[], Path]) -> None:
        self._find_folder = find_folder

    def __contains__(self, digest: str) -> bool:
        return os.path.isfile(self._find_folder() / digest)  # noqa: PTH113 (`Path.is_file` may raise)

    def add(self, digest: str) -> None:
        """Know a tree from now on; if that can't be written, for this session only."""
        with contextlib.suppress(OSError):
            folder = self._find_folder()
            folder.mkdir(parents=True, exist_ok=True)
            (folder / digest).touch()
            files = sorted(folder.iterdir(), key=lambda file: file.stat().st_mtime)
            for file in files[:-MAX_TREES]:
                file.unlink()


def digest(mode: str, tasks: Iterable[PlannedTask]) -> str:
    """What a tree is known by."""
    said = [mode, *([task.id, *_of_script(task), *task.settings.addons, *_texts(task)] for task in tasks)]
    return hashlib.sha256(json.dumps(said).encode("utf-8", "surrogatepass")).hexdigest()


def _of_script(task: PlannedTask) -> tuple[str, str]:
    script = task.script
    return script.text, script.filename if script.is_file else PurePath(script.folder).name


def _texts(task: PlannedTask) -> Iterator[str]:
    """All that a task is given and may be or hold a text, with the names of its inputs."""
    given = [(argument.parameter.identifier, argument.sources) for argument in task.arguments]
    given += [(f"{loop.id}.{each.input}", (each.source,)) for loop in task.loops for each in loop.lists]
    for name, sources in given:
        for leaf in leaves(sources):
            value = leaf.value if isinstance(leaf, Constant) else ()
            items = value if isinstance(value, tuple) else (value,)
            texts = (item for item in items if isinstance(item, str | dict | list))
            yield from (f"{name}={text}" for text in texts)
