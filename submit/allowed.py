# SPDX-License-Identifier: GPL-3.0-or-later
"""The scripts of a job: which may run, by their digests, because the one who submitted it allows them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import PurePath

from ..addon.consent import commands
from ..runtime.errors import CompileError, Problem, SignatureError
from ..runtime.keys import own_modules
from ..runtime.planning.plan import PlannedTask
from .job import AllowedScript, Job


def allowed_scripts(tasks: Iterable[PlannedTask]) -> tuple[AllowedScript, ...]:
    """All scripts of these tasks, each once. Raises CompileError if one can't be read."""
    found: dict[str, AllowedScript] = {}
    for task in tasks:
        for each in _scripts(task):
            found.setdefault(each.digest, each)
    return tuple(sorted(found.values(), key=lambda each: each.digest))


def check(job: Job, tasks: Iterable[PlannedTask]) -> None:
    """Raise CompileError if a script of these tasks is none that the job allows."""
    allowed = {each.digest for each in job.scripts}
    problems = []
    for task in tasks:
        for each in _scripts(task):
            if each.digest not in allowed:
                message = f'its script "{each.name}" is none that {job.submitter} has allowed for this job'
                fix = "Submit the job again; Background Nodes must be of the same version on all machines"
                problems.append(Problem(task.name, "", message, fix, task.id))
    if problems:
        raise CompileError(problems)


def _scripts(task: PlannedTask) -> Iterator[AllowedScript]:
    """A task's script; and what it is given, of a shipped one that starts programs or deletes files."""
    try:
        digest = own_modules.digest(own_modules.read(task.script))
    except SignatureError as error:
        raise CompileError([Problem(task.name, "", error.message, "Have fewer modules beside it", task.id)]) from error
    yield AllowedScript(digest, PurePath(task.script.filename).name)
    if commands.is_asked_for(task.script):
        yield AllowedScript(own_modules.digest((commands.part(task),)), commands.title(task))
