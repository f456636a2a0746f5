# SPDX-License-Identifier: GPL-3.0-or-later
"""What a job needs, copied beside it: the .blend file with all that it uses, and files that nodes name.

`blender-asset-tracer` copies what the .blend file uses, and changes the paths in the copy. It does not know the paths
that stand in nodes: they have to begin with //, and their files keep their places as seen from the .blend file.
"""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

import bpy

from ..runtime.errors import Problem
from ..runtime.planning.plan import Argument, Plan, PlannedTask
from ..runtime.planning.sources import Constant, leaves
from ..runtime.script.socket_types import OPEN_FILE
from .job import JobError

_LIBRARY = Path(__file__).parent.parent / "node_tree" / "library"
_FIX_OUTSIDE = "Move it into the folder of the .blend file or one in it, name a folder of both with --project, "
_FIX_OUTSIDE += "and write the path with //"


class NamedPath:
    """A path that a node names.

    Attributes:
        task, label: the node, and what names it there.
        path: the whole path.
        is_output: whether the node writes to it.
    """

    def __init__(self, task: PlannedTask, label: str, path: str, *, is_output: bool) -> None:
        self.task = task
        self.label = label
        self.path = Path(os.path.normpath(path))
        self.is_output = is_output

    def problem(self, message: str, fix: str) -> Problem:
        return Problem(self.task.name, self.label, f"{self.path} {message}", fix, self.task.id)


def named_paths(plan: Plan) -> Iterator[NamedPath]:
    """The paths that nodes name: as inputs, in texts, as their scripts."""
    for task in plan.tasks:
        script = Path(task.script.filename)
        if task.script.is_file and not script.is_relative_to(_LIBRARY):
            yield NamedPath(task, "Script", str(script), is_output=False)
        for argument in task.arguments:
            for path in _paths(argument):
                whole = bpy.path.abspath(path)
                yield NamedPath(task, argument.parameter.label, whole, is_output=argument.parameter.is_output_path)


def _paths(argument: Argument) -> Iterator[str]:
    kind = argument.parameter.type.kind
    for leaf in leaves(argument.sources):
        if not isinstance(leaf, Constant):
            continue
        for value in leaf.value if isinstance(leaf.value, tuple) else (leaf.value,):
            if not isinstance(value, str) or value == "" or (kind == "BLEND_FILE" and value == OPEN_FILE):
                continue
            if "PATH" in (kind, leaf.type.kind) or kind == "BLEND_FILE" or _is_a_path(value):
                yield value


def _is_a_path(text: str) -> bool:
    """Whether a text that need not be a path is one."""
    return text.startswith("//") or (Path(text).is_absolute() and os.path.exists(text))  # noqa: PTH110 (it never raises)


def problems(plan: Plan, folder: Path) -> Iterator[Problem]:
    """What of the paths that nodes name would not be there, or nobody would find, if only what is in a folder is."""
    for named in named_paths(plan):
        if not named.path.is_relative_to(folder):
            yield named.problem("lies outside of what the job takes along", _FIX_OUTSIDE)
        elif not named.is_output and not named.path.exists():
            yield named.problem("is not there", "Give the path of a file or folder that is there")
    for task in plan.tasks:
        for argument in task.arguments:
            if argument.parameter.type.kind == "BLEND_FILE" and any(_paths(argument)):
                message = "a job can work on the submitted file as a whole, and on no other one"
                yield Problem(task.name, argument.parameter.label, message, "Leave the path empty", task.id)


def problems_of_place(plan: Plan, folder: Path) -> Iterator[Problem]:
    """What is wrong with a job's folder: it can't lie in a folder that it takes along, as that would have no end."""
    for named in named_paths(plan):
        if not named.is_output and named.path.is_dir() and folder.resolve().is_relative_to(named.path.resolve()):
            yield named.problem(f"is taken along, and holds the job's folder {folder}", "Put that somewhere else")


def lost_files(folder: Path) -> Iterator[str]:
    """What the open file uses that is not in a folder."""
    texts = {
        bpy.path.abspath(text.filepath) for text in bpy.data.texts if text.filepath
    }  # their content is in the file
    for path in dict.fromkeys(bpy.utils.blend_paths(absolute=True, packed=False, local=False)):
        is_of_blender = "/datafiles/assets/" in Path(path).as_posix()  # brushes, which each Blender has
        if path not in texts and not is_of_blender and not Path(os.path.normpath(path)).is_relative_to(folder):
            yield path


def pack(file: Path, project: Path, folder: Path, named: Iterable[NamedPath]) -> Path:
    """Copy a .blend file, all that it uses and what nodes name of its project into a folder.

    Of what nodes write to, there is only the folder.

    Returns:
        where the .blend file is there.

    Raises:
        JobError: if something is not there, or can't be copied.
    """
    try:
        from blender_asset_tracer import blendfile, pack

        from .packer import Packer
    except ImportError as error:
        message = (
            f'nothing can be packed without blender-asset-tracer ({error}). Install it with: pip install "background'
        )
        raise JobError(f'{message}-nodes[submit]"') from error
    logging.getLogger("blender_asset_tracer").setLevel(logging.WARNING)
    try:
        with Packer(file, project, str(folder)) as packer:
            packer.strategise()
            if packer.missing_files:
                raise JobError("the file uses what is not there: " + ", ".join(sorted(map(str, packer.missing_files))))
            packer.execute()
            packed = Path(packer.output_path)
        for each in named:
            target = folder / each.path.relative_to(project)
            if not each.is_output:
                _copy(each.path, target)
            elif each.path.parent.is_dir():
                target.parent.mkdir(parents=True, exist_ok=True)
    except (OSError, blendfile.exceptions.BlendFileError, pack.transfer.FileTransferError) as error:
        raise JobError(f"{file} can't be packed: {error}") from error
    return packed


def _copy(path: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if path.is_dir():
        shutil.copytree(path, target, dirs_exist_ok=True)
    else:
        shutil.copy2(path, target)
