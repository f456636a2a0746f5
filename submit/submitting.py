# SPDX-License-Identifier: GPL-3.0-or-later
"""What `background-nodes submit` does: check everything, pack it, and write what a farm reads."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Collection
from pathlib import Path
from typing import Any

import bpy

from ..addon.command_line import command
from ..addon.consent.consent import ConsentError
from ..addon.consent.current import consent
from ..addon.session import checks
from ..addon.session.current import session
from ..node_tree import lookup
from ..node_tree.lookup import InputError, InputProblem
from ..runtime.blender import online_access
from ..runtime.errors import BackgroundNodesError, CompileError, EngineError
from ..runtime.keys.files import FileDigests, QuickDigests
from ..runtime.keys.script_digest import ScriptDigests
from ..runtime.planning import needs
from ..runtime.planning.needs import Needs, Offer, parsed
from ..runtime.planning.plan import Plan
from . import addons, flamenco, openjd, packing
from .allowed import allowed_scripts
from .division import Step, divide
from .job import FILES, PROGRAM, STORE, Job, JobError, RefusedError, submitter
from .saying import say
from .source import Source

_EXIT_FAILED = 1
_EXIT_BAD_INPUT = 2


def carry_out(options: argparse.Namespace) -> int:
    """Do what the options ask for. Returns the exit code."""
    try:
        folder = Path(options.into).absolute()
        manager = _manager(options)
        etag = manager.check() if manager is not None else ""
        job = submit(options, folder)
        if manager is not None:
            data = flamenco.submission(
                job, folder, etag, options.items_per_task, options.farm_command, options.priority
            )
            flamenco.note(folder, _submitted(manager, data, folder))
    except ConsentError as error:
        fix = "Read it, then give --allow-scripts, or allow it in Blender"
        if options.allow_listed:
            fix = "The saved file is not what is open in Blender. Open it again, and read its scripts"
        say(*(f'node "{each.node}": {each.message}. {fix}' for each in error.problems))
    except (CompileError, InputError) as error:
        say(*map(str, error.problems))
    except JobError as error:
        say(str(error))
    except (BackgroundNodesError, OSError) as error:
        say(str(error))
        return _EXIT_FAILED
    else:
        say(*_told(job, folder), *_warnings(job, options.to))
        return 0
    say("nothing was submitted")
    return _EXIT_BAD_INPUT


def _manager(options: argparse.Namespace) -> flamenco.Manager | None:
    """Whom to give the job to; None for nobody. Raises InputError and JobError."""
    if (options.to == "flamenco") != (options.manager is not None):
        fix = "Give --manager with --to flamenco, and only with that"
        raise InputError(InputProblem(f"--to {options.to}", "it goes with the address of Flamenco's manager", fix))
    if options.manager is None:
        return None
    manager = flamenco.Manager(options.manager)
    try:
        online_access.check_typed(manager.host)
    except EngineError as error:
        raise InputError(InputProblem(f"--manager {options.manager}", error.message, error.fix)) from error
    return manager


def _submitted(manager: flamenco.Manager, data: dict[str, Any], folder: Path) -> dict[str, Any]:
    """What the manager says of the job. If it refuses that, there is no folder of it. Raises JobError."""
    try:
        return manager.submit(data)
    except RefusedError:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    except JobError as error:
        raise JobError(f"{error}. Look there whether it has taken the job in {folder}") from error


def submit(options: argparse.Namespace, folder: Path) -> Job:
    """Make a job's folder, whole or not at all.

    Raises:
        InputError, CompileError, ConsentError: for what is wrong with the file, the tree or the options.
        JobError: for what can't be packed.
        OSError: if the folder can't be written.
    """
    if options.blender not in (None, bpy.app.version_string):
        found = f"Background Nodes has Blender {bpy.app.version_string} here, and results of another differ"
        raise InputError(InputProblem(f"--blender {options.blender}", found, "Install the bpy of that version"))
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(InputProblem(f"--into {options.into}", "it is there already", "Name a new or empty folder"))
    source = Source(options)
    project = Path(options.project).absolute() if options.project else source.file.parent
    if not source.file.is_relative_to(project):
        raise InputError(
            InputProblem(f"--project {options.project}", "the file is not in it", "Name a folder around it")
        )
    source.open()
    plan, tree = source.plan(), str(source.tree().name)
    if wrong := [*packing.problems(plan, project), *packing.problems_of_place(plan, folder)]:
        raise CompileError(wrong)
    needs.check(plan.tasks, _why_not)
    _check_consent(options, plan)
    named = list(packing.named_paths(plan))
    folder.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(prefix=".submitting-", dir=folder.parent))
    try:
        source.open_for_packing()
        blends = [each.path for each in named if each.is_blend and not each.is_output]
        tops = list(dict.fromkeys([source.file, *blends]))
        packed = packing.pack(tops, project, beside / FILES, named, is_made=source.is_text)
        given = argparse.Namespace(until=options.until, settings=source.settings)
        packed_plan = _checked_again(tree, given, packed, beside / FILES)
        _check_same(source.file, plan, packed_plan)
        job = Job(
            name=f"{source.file.stem}: {tree}",
            file=packed.file.relative_to(beside).as_posix(),
            project=packed.project.relative_to(beside).as_posix(),
            home=str(source.file),
            tree=tree,
            until=tuple(options.until or ()),
            settings=source.settings,
            blender=bpy.app.version_string,
            submitter=submitter(),
            scripts=allowed_scripts(plan.tasks),
            steps=_steps(packed_plan, options, tree),
            program=PROGRAM,
            addons=addons.pack(plan.tasks, beside),
        )
        (beside / STORE).mkdir()
        job.save(beside)
        if options.to == "openjd":
            openjd.write(job, beside, options.items_per_task, options.farm_command)
        if folder.exists():
            folder.rmdir()
        beside.chmod((beside / STORE).stat().st_mode)  # others may do there what they may usually do
        beside.rename(folder)
    except BaseException:
        shutil.rmtree(beside, ignore_errors=True)
        raise
    return job


def _why_not(text: str, _addons: Collection[str]) -> str:
    """Why no machine of a farm can serve a need. All have the Blender that the job is submitted with.

    Add-ons are no need of a machine: those that did not come with that Blender travel with the job.
    """
    lacking = Offer("", blender=bpy.app.version_string.split()[0]).lacks(Needs(blender=parsed(text).blender))
    return f"the job runs with Blender {bpy.app.version_string}, and it needs {lacking}" if lacking else ""


def _check_consent(options: argparse.Namespace, plan: Plan) -> None:
    """Raise ConsentError if a script of a plan may not run."""
    if options.allow_scripts:
        return
    listed = frozenset(sys.stdin.read().split()) if options.allow_listed else frozenset()
    for question in consent.questions(plan.tasks):
        if question.digest in listed:
            consent.allow(question)
    consent.check(plan.tasks)


def _check_same(file: Path, plan: Plan, packed: Plan) -> None:
    """Raise JobError if the packed file is another one than was looked at."""
    tasks = [[task.name for task in each.tasks] for each in (plan, packed)]
    if tasks[0] != tasks[1] or allowed_scripts(plan.tasks) != allowed_scripts(packed.tasks):
        raise JobError(f"{file} was changed while it was packed. Submit it again")


def _checked_again(name: str, given: argparse.Namespace, packed: packing.Packed, files: Path) -> Plan:
    """The plan of the packed file, if it needs nothing that was not packed."""
    command.open_file(str(packed.file))
    tree = lookup.tree(name)
    plan = checks.checked(tree, command.checked_input(tree, None, given))
    if wrong := list(packing.problems(plan, packed.project)):
        raise CompileError(wrong)
    if lost := packing.lost_files(packed, files):
        raise JobError("the file uses what could not be packed: " + ", ".join(lost))
    return plan


def _steps(plan: Plan, options: argparse.Namespace, tree: str) -> tuple[Step, ...]:
    digests = ScriptDigests(QuickDigests(FileDigests()))
    unkept = set()
    for task in plan.tasks:
        script = digests.digest(task.script)
        if task.settings.is_never_cached or script.is_never_kept or script.obstacle:
            unkept.add(task.id)
    forecast = session.forecast(
        lookup.tree(tree), until=options.until, cache=False, allow_scripts=True, is_elsewhere=True
    )
    has_items = {task.id for task in plan.tasks if task.has_items}
    counts = {
        each.node_id: each.num_items for each in forecast.tasks.values() if each.num_items and each.node_id in has_items
    }
    return divide(plan.tasks, unkept, counts)


def _told(job: Job, folder: Path) -> list[str]:
    """What became of it, for people."""
    lines = [f"{folder}: {len(job.steps)} steps, with {len(job.scripts)} scripts that {job.submitter} allows"]
    for number, step in enumerate(job.steps):
        after = f", after {', '.join(map(str, step.after))}" if step.after else ""
        lines.append(f"  {number} {step.name}: {_how(step)}{after}")
    return lines


def _warnings(job: Job, target: str) -> list[str]:
    """What a farm of that kind does not see to."""
    names = ", ".join(step.name for step in job.steps if step.needs)
    if target != "flamenco" or not names:
        return []
    return [f"Flamenco gives tasks to any worker, whatever these need of it: {names}"]


def _how(step: Step) -> str:
    if step.num_items:
        return f"{step.num_items} items"
    return "one task"
