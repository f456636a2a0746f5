# SPDX-License-Identifier: GPL-3.0-or-later
"""The add-ons that nodes need, packed with a job: machines of a farm need not have them.

addons/scripts/addons/NAME        add-ons as they were before Blender 4.2
addons/REPOSITORY/NAME            extensions

Their digests are in the job, as those of the scripts are. What comes with each Blender stays out.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import addon_utils
import bpy

from ..runtime.engine.workers import AddonPlaces
from ..runtime.planning.plan import PlannedTask
from ..runtime.worker.outfit import COMPILED, find_addons
from .job import Job, JobError, PackedAddon

FOLDER: Final = "addons"
_SCRIPTS: Final = "scripts"
_EXTENSIONS: Final = "bl_ext."
_COMPILED: Final = "__pycache__"


def pack(tasks: Iterable[PlannedTask], folder: Path) -> tuple[PackedAddon, ...]:
    """Copy the add-ons of tasks into a job's folder. They are installed here. Raises OSError."""
    known = {each.__name__: Path(each.__file__) for each in addon_utils.modules(refresh=False)}
    found = []
    for module in sorted({module for task in tasks for module in task.settings.addons}):
        file = known[module]
        if _is_of_blender(file):
            continue
        source = file.parent if file.name == "__init__.py" else file
        target = _place(folder, module) / source.name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns(_COMPILED))
        else:
            shutil.copy2(source, target)
        found.append(PackedAddon(module, source.name, _digest(target)))
    return tuple(found)


def use(job: Job, folder: Path) -> None:
    """Let this Blender, and what it starts, find the add-ons of a job. What is compiled of them there is not used.

    Raises:
        JobError: if one is not as packed, or something lies beside them that Python could import, too.
    """
    repositories = {}
    packed = {_place(folder, each.module) / each.name for each in job.addons}
    for file in (folder / FOLDER).rglob("*") if packed else ():
        is_stranger = file.is_file() and packed.isdisjoint((file, *file.parents)) and not _is_left_out(file)
        if is_stranger or file.is_symlink():
            raise JobError(f"{file} was not packed with this job. Remove it, or submit the job again")
    for each in job.addons:
        place = _place(folder, each.module)
        if Path(each.name).name != each.name or _digest(place / each.name) != each.digest:
            message = f'the add-on "{each.module}" is not as {job.submitter} has packed it for this job'
            raise JobError(f"{message}. Submit the job again")
        if each.module.startswith(_EXTENSIONS):
            repositories[place.name] = str(place)
    if job.addons:
        # No digest tells whether what was compiled comes of the source: Python believes what stands in it.
        os.environ[COMPILED] = str(Path(bpy.app.tempdir, _COMPILED))
        find_addons(AddonPlaces(tuple(repositories.items()), (str(folder / FOLDER / _SCRIPTS),)))
        addon_utils.modules(refresh=True)


def _is_of_blender(file: Path) -> bool:
    own = (bpy.utils.system_resource("SCRIPTS"), bpy.utils.system_resource("EXTENSIONS"))
    return any(file.is_relative_to(each) for each in own if each)


def _place(folder: Path, module: str) -> Path:
    """Where in a job's folder an add-on is. Raises JobError if its name leads elsewhere."""
    if not all(part.isidentifier() for part in module.split(".")):
        raise JobError(f"{module} is no name of an add-on")
    if module.startswith(_EXTENSIONS):
        return folder / FOLDER / module.split(".")[1]
    return folder / FOLDER / _SCRIPTS / "addons"


def _digest(path: Path) -> str:
    """Of the names and bytes of a file, or of all files in a folder but what Python compiles. Raises OSError."""
    found = hashlib.sha256()
    files = sorted(each for each in path.rglob("*") if each.is_file()) if path.is_dir() else [path]
    for file in files:
        if not _is_left_out(file):
            name, data = file.relative_to(path.parent).as_posix().encode(), file.read_bytes()
            found.update(b"%d %d " % (len(name), len(data)) + name + data)
    return found.hexdigest()


def _is_left_out(file: Path) -> bool:
    """Whether Python has compiled it: no worker of a job uses that."""
    return _COMPILED in file.parts
