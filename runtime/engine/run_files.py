# SPDX-License-Identifier: GPL-3.0-or-later
"""Small files that tell the tasks of a run about each other: the foreground writes them, workers read them.

Their names start with PLACE, the name of a blob that is kept free for them. There are

    PLACE.images.json     the files of the artist's images, which no task may write over
    PLACE.N.items.json    what the items of a task are given: {parameter: [value of each item]}
    PLACE.HASH.claim      who writes to a path: see `own_files`
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import StoreError
from ..planning.plan import PlannedTask
from ..scratch import value_files
from ..scratch.scratch import Scratch, ScratchFolder
from .messages import Execute
from .own_files import Desk, Owner


class RunFiles:
    """The files of one run, written when they are first needed."""

    def __init__(self, scratch: Scratch, images: tuple[str, ...]) -> None:
        self._scratch = scratch
        self._place = ""
        self._images = images
        self._items: dict[tuple[str, int], str] = {}

    def share(
        self,
        request: Execute,
        task: PlannedTask,
        item: int,
        change: int,
        columns: Callable[[PlannedTask], Mapping[str, Sequence[Any]]],
    ) -> Execute:
        """Return the request for an item of a task with the names of the files in it.

        Args:
            request: the request without these names.
            task: the task.
            item: which of its items.
            change: a number that changes whenever the items may be given other values.
            columns: gives, for a task, the values of each item by parameter. Data-blocks are given as their names.

        Raises:
            StoreError: if a file can't be written.
        """
        if not self._place:
            place = self._scratch.new_blob()
            if self._images:
                _write(self._scratch.file(_images_name(place)), self._images)
            self._place = place
        key = task.id, change
        if task.mapped and key not in self._items:
            name = f"{Path(self._place).stem}.{len(self._items)}.items.json"
            _write(self._scratch.file(name), columns(task))
            self._items[key] = name
        return dataclasses.replace(
            request,
            files=dataclasses.replace(request.files, images=()),  # there may be hundreds
            task=task.id,
            item=item,
            place=self._place,
            images_file=_images_name(self._place) if self._images else "",
            items_file=self._items.get(key, ""),
        )

    def names(self) -> tuple[str, ...]:
        """PLACE as a tuple, empty if no file was written yet."""
        return (self._place,) if self._place else ()


def desk_of(request: Execute, folder: ScratchFolder, whole_path: Callable[[str], str] = str) -> Desk:
    """What a worker's task knows of the others of its run; `whole_path` resolves `//`, once the script runs.

    Raises:
        StoreError: if a file can't be read.
    """
    given = {
        argument.identifier: value_files.named(argument.pieces[0].value, folder)[0]
        for argument in request.arguments
        if len(argument.pieces) == 1 and not argument.pieces[0].value.type.is_list and not argument.type.is_list
    }
    paths = frozenset(argument.identifier for argument in request.arguments if argument.annotation == "Path")
    if not request.place:
        return Desk(given=given, paths=paths, whole_path=whole_path)
    place = folder.file(request.place)
    images = _read(folder.file(request.images_file)) if request.images_file else ()
    return Desk(
        Owner(request.task, request.item, request.node),
        place,
        _read(folder.file(request.items_file)) if request.items_file else {},
        given,
        dataclasses.replace(request.files, images=tuple(images)),
        paths,
        whole_path,
    )


def _images_name(place: str) -> str:
    return f"{Path(place).stem}.images.json"


def _write(file: Path, content: Any) -> None:
    try:
        file.write_text(json.dumps(content), encoding="utf-8")
    except OSError as error:
        raise StoreError(f"{file} can't be written: {error}") from error


def _read(file: Path) -> Any:
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise StoreError(f"{file} can't be read: {error}") from error
