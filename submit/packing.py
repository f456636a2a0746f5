# SPDX-License-Identifier: GPL-3.0-or-later
"""What a job needs, copied beside it: the .blend file with all that it uses, and files that nodes name.

All files keep their places as seen from the .blend file, so its relative paths stay true. Blender makes relative what
is not, in a copy. It does not know the paths that stand in nodes: they have to begin with //.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import bpy

from ..addon.command_line import command
from ..runtime.errors import Problem
from ..runtime.planning.plan import Argument, Plan, PlannedTask
from ..runtime.planning.sources import Constant, leaves
from ..runtime.script.socket_types import OPEN_FILE
from .job import JobError
from .uses import Use, make_relative, uses

_LIBRARY = Path(__file__).parent.parent / "node_tree" / "library"
#: What a .blend file begins with that is not compressed.
_BLEND = b"BLENDER"
_FIX_OUTSIDE = "Move it into the folder of the .blend file or one in it, name a folder of both with --project, "
_FIX_OUTSIDE += "and write the path with //"


@dataclass(frozen=True, slots=True)
class Packed:
    """What was packed.

    Attributes:
        file: the copy of the first .blend file.
        project: where the project is in the folder of packed files.
        root: what that folder stands for at home.
        uses: what the first .blend file used there.
    """

    file: Path
    project: Path
    root: Path
    uses: frozenset[Use]


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

    @property
    def is_blend(self) -> bool:
        """Whether it is another .blend file, which may use files itself."""
        return self.path.suffix.lower() == ".blend" and self.path.is_file()

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


def problems_of_place(plan: Plan, folder: Path) -> Iterator[Problem]:
    """What is wrong with a job's folder: it can't lie in a folder that it takes along, as that would have no end."""
    for named in named_paths(plan):
        if not named.is_output and named.path.is_dir() and folder.resolve().is_relative_to(named.path.resolve()):
            yield named.problem(f"is taken along, and holds the job's folder {folder}", "Put that somewhere else")


def pack(
    tops: Sequence[Path], project: Path, folder: Path, named: Iterable[NamedPath], *, is_made: bool = False
) -> Packed:
    """Copy .blend files, all that they use and what nodes name into a folder, so that all relative paths stay true.

    The folder has what the innermost folder around all of it has, at the same places. What an artist's file says with
    an absolute path, its copy says with a relative one. Of what nodes write to, there is only the folder.

    Args:
        tops: the .blend files. The first one is open, as it is to be packed.
        project: a folder around the first one and what nodes name.
        folder: to copy into; it is not there yet.
        named: what nodes name.
        is_made: whether what is open is not as it lies at that place.

    Raises:
        JobError: if something is not there, or can't be copied.
    """
    staging = folder.with_name(f"{folder.name}.staged")
    try:
        staging.mkdir(parents=True)
        staged = _Staged(staging, is_made)
        for path in tops:
            staged.add_top(str(path))
        staged.add_libraries()
        root = Path(os.path.commonpath([project, *staged.copies, *(use.path for use in staged.uses)]))
        for name, copy in staged.copies.items():
            copy.rename(_place(folder / Path(name).relative_to(root)))
        for file in {file for use in staged.uses for file in use.files()} - {Path(name) for name in staged.copies}:
            shutil.copy2(file, _place(folder / file.relative_to(root)))
        staging.rmdir()
        for each in named:
            if str(each.path) not in staged.copies:
                _take_along(each, folder / each.path.relative_to(root))
    except (OSError, RuntimeError, ValueError) as error:
        reason = str(error).removeprefix("Error: ").strip().rstrip(".")
        raise JobError(f"{tops[0]} can't be packed: {reason}") from error
    return Packed(folder / tops[0].relative_to(root), folder / project.relative_to(root), root, staged.first_uses)


class _Staged:
    """Copies of .blend files with relative paths, and what the files use.

    Attributes:
        copies: by the paths of the files.
        uses, first_uses: what all of them use, and the first one.
    """

    def __init__(self, folder: Path, is_made: bool) -> None:
        self.copies: dict[str, Path] = {}
        self.uses: set[Use] = set()
        self.first_uses: frozenset[Use] = frozenset()
        self._folder = folder
        self._is_made = is_made

    def add_top(self, path: str) -> None:
        """Take a file with what it uses. The first one is open. Raises JobError if something is not there."""
        if self.copies:
            command.open_file(path)
        own = frozenset(uses())
        if lost := sorted({each for use in own for each in use.missing()}):
            raise JobError("the file uses what is not there: " + ", ".join(lost))
        if not self.copies:
            self.first_uses = own
        self.uses |= own
        self._copy(path, is_saved=bool(self.copies) or not self._is_made)

    def add_libraries(self) -> None:
        """Take the libraries among what is used: what of theirs is used is known already."""
        for path in sorted({use.path for use in self.uses if use.is_blend} - self.copies.keys()):
            command.open_file(path)
            self._copy(path, is_saved=True)

    def _copy(self, path: str, *, is_saved: bool) -> None:
        """Copy the open file; the same bytes if it has relative paths only."""
        target = self._folder / f"{len(self.copies)}.blend"
        if make_relative() or not is_saved:
            compress = is_saved and not _is_plain(Path(path))
            bpy.ops.wm.save_as_mainfile(filepath=str(target), copy=True, relative_remap=False, compress=compress)
        else:
            shutil.copy2(path, target)
        self.copies[path] = target


def _take_along(named: NamedPath, target: Path) -> None:
    if not named.is_output:
        _place(target)
        if named.path.is_dir():
            shutil.copytree(named.path, target, dirs_exist_ok=True)
        else:
            shutil.copy2(named.path, target)
    elif named.path.parent.is_dir():
        _place(target)


def _is_plain(path: Path) -> bool:
    """Whether a .blend file is not compressed."""
    with path.open("rb") as file:
        return file.read(len(_BLEND)) == _BLEND


def _place(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def lost_files(packed: Packed, files: Path) -> list[str]:
    """What the open file, a packed one, does not find in the folder of packed files as what was packed did at home."""
    found = uses()
    here = {replace(use, path=str(Path(use.path).relative_to(files))) for use in found if _is_in(use.path, files)}
    home = {replace(use, path=str(Path(use.path).relative_to(packed.root))) for use in packed.uses}
    lost = {use.path for use in found if not _is_in(use.path, files)} | {use.path for use in here ^ home}
    return sorted(lost | {each for use in found for each in use.missing()})


def _is_in(path: str, folder: Path) -> bool:
    return Path(path).is_relative_to(folder)
