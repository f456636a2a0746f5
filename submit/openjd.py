# SPDX-License-Identifier: GPL-3.0-or-later
"""A job as an OpenJD template, by the specification jobtemplate-2023-09: template.json in the job's folder."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any, Final

from ..runtime.planning.needs import parsed
from .division import Step
from .job import Job

TEMPLATE: Final = "template.json"
#: Letters that the specification allows for names.
_MAX_NAME: Final = 64
_MAX_JOB_NAME: Final = 128
#: Seconds from SIGTERM to SIGKILL.
_GRACE: Final = 15
#: What OpenJD calls resources and systems of machines; others have the names that the artist wrote.
_AMOUNTS: Final = {"GPU": "amount.worker.gpu"}
_SYSTEMS: Final = {"Linux": "linux", "Windows": "windows", "Darwin": "macos"}
_MIB: Final = 1024**2


def write(job: Job, folder: Path, items_per_task: int = 1, command: str = "background-nodes") -> Path:
    """Write the template into a job's folder. Raises OSError."""
    path = folder / TEMPLATE
    path.write_text(json.dumps(template(job, items_per_task, command), indent=1) + "\n", encoding="utf-8")
    return path


def template(job: Job, items_per_task: int = 1, command: str = "background-nodes") -> dict[str, Any]:
    """The template. Of a step whose items are known, each task does `items_per_task` of them."""
    return {
        "specificationVersion": "jobtemplate-2023-09",
        "name": _shortened(_plain(job.name), _MAX_JOB_NAME),
        "description": _plain(f"A graph of Background Nodes. Its scripts are allowed by {job.submitter}"),
        "parameterDefinitions": [
            {
                "name": "JobFolder",
                "type": "PATH",
                "objectType": "DIRECTORY",
                "dataFlow": "INOUT",
                "default": ".",
                "description": "The folder of this file. All machines need it under the same path",
            },
            {
                "name": "Command",
                "type": "STRING",
                "default": command,
                "description": "The command of Background Nodes on the machines of the farm",
            },
        ],
        "jobEnvironments": [_warm_environment(job.digest)],
        "steps": [_step(number, job, items_per_task) for number in range(len(job.steps))],
    }


def _warm_environment(digest: str) -> dict[str, Any]:
    """What keeps Blenders warm as long as a session of the farm lasts."""
    actions = {
        "onEnter": {
            "command": "{{Param.Command}}",
            "args": ["session", "start", "{{Param.JobFolder}}", "--job", digest],
        },
        "onExit": {"command": "{{Param.Command}}", "args": ["session", "stop"]},
    }
    return {"name": "Warm Blenders", "script": {"actions": actions}}


def _step(number: int, job: Job, items_per_task: int) -> dict[str, Any]:
    steps = job.steps
    step = steps[number]
    found: dict[str, Any] = {"name": _name(number, step)}
    if step.after:
        found["dependencies"] = [{"dependsOn": _name(each, steps[each])} for each in step.after]
    if requirements := _requirements(step):
        found["hostRequirements"] = requirements
    arguments = ["step", "{{Param.JobFolder}}", str(number), "--job", job.digest]
    if step.num_items:
        every = f":{items_per_task}" if items_per_task > 1 else ""
        first = {"name": "First", "type": "INT", "range": f"0-{step.num_items - 1}{every}"}
        found["parameterSpace"] = {"taskParameterDefinitions": [first]}
        arguments += ["--first", "{{Task.Param.First}}", "--count", str(items_per_task)]
    cancelation = {"mode": "NOTIFY_THEN_TERMINATE", "notifyPeriodInSeconds": _GRACE}
    found["script"] = {
        "actions": {"onRun": {"command": "{{Param.Command}}", "args": arguments, "cancelation": cancelation}}
    }
    return found


def _requirements(step: Step) -> dict[str, Any]:
    """What a machine must have for a step, in the words of OpenJD: the most that one of its tasks needs.

    Of Blender it says nothing: all of the job needs the one that it was submitted with.
    """
    amounts: dict[str, float] = {}
    systems = set()
    for needs in map(parsed, step.needs):
        wanted = {
            _AMOUNTS.get(name, f"amount.{name.replace('-', '_')}"): each for name, each in needs.resources.items()
        }
        wanted["amount.worker.memory"] = math.ceil(needs.memory / _MIB)
        for name, amount in wanted.items():
            amounts[name] = max(amounts.get(name, 0.0), amount)
        systems |= {_SYSTEMS[needs.system]} if needs.system else set()
    found: dict[str, Any] = {}
    if told := [{"name": name, "min": amount} for name, amount in amounts.items() if amount > 0.0]:
        found["amounts"] = told
    if systems:
        found["attributes"] = [{"name": "attr.worker.os.family", "allOf": sorted(systems)}]
    return found


def _name(number: int, step: Step) -> str:
    """A step's name, which no other one has."""
    return _shortened(f"{number} {_plain(step.name)}", _MAX_NAME)


def _shortened(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 3]}..."


def _plain(text: str) -> str:
    """Without control characters, and without what OpenJD would put values into."""
    return "".join(letter for letter in text if letter.isprintable()).replace("{{", "{ {").strip()
