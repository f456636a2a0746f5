# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans written as text, a task a line (or between semicolons): its name (a colon after it is for the eye) and words:

    task         a task whose output it takes
    *task        a task over whose output it is mapped
    *24          a constant list of 24 elements over which it is mapped
    timeout=5    a setting, or its rank (else the longest way to an end)

A name with `[]` gives a list. The id of a task is its name in the plan, its name for people that in title case: "g/a"
is the node "A" in the group "G".
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping

from background_nodes.runtime.planning.graph import NodeSettings
from background_nodes.runtime.planning.node_path import groups_of
from background_nodes.runtime.planning.plan import Argument, Delivery, Plan, PlannedGroup, PlannedTask, TaskOutput
from background_nodes.runtime.planning.sources import Constant, FromTask, Source
from background_nodes.runtime.script.signature import Parameter, ScriptSource
from background_nodes.runtime.script.socket_types import SocketType

FLOAT = SocketType("FLOAT")
FLOATS = SocketType("FLOAT", is_list=True)
SCRIPT = ScriptSource("", "test")


def parse_plan(text: str) -> Plan:
    tasks: dict[str, PlannedTask] = {}
    for line in filter(str.strip, text.replace(";", "\n").splitlines()):
        name, *words = line.replace(":", " ").split()
        task = parse_task(name, words, tasks)
        tasks[task.id] = task
    return Plan("Test", tuple(with_ranks(tasks)), groups=tuple(_groups(tasks)))


def _groups(tasks: Iterable[str]) -> Iterator[PlannedGroup]:
    for group in dict.fromkeys(group for task in tasks for group in groups_of(task)):
        yield PlannedGroup(group, _name(group))


def _name(identifier: str) -> str:
    return identifier.title().replace("/", " / ")


def of_meshes(text: str, *delivered: str) -> Plan:
    """The same plan with meshes in the place of the values between tasks; the meshes of `delivered` come home."""
    plan = parse_plan(text)
    tasks = tuple(_task_of_meshes(task) for task in plan.tasks)
    kinds = {task.id: SocketType("Mesh", bool(task.mapped) or task.outputs[0].type.is_list) for task in tasks}
    deliveries = tuple(Delivery(name, "result", (FromTask(name, "result", kinds[name]),)) for name in delivered)
    return Plan(plan.name, tasks, deliveries)


def _task_of_meshes(task: PlannedTask) -> PlannedTask:
    (output,) = task.outputs
    outputs = (dataclasses.replace(output, type=SocketType("Mesh", output.type.is_list)),)
    return dataclasses.replace(task, arguments=tuple(map(_argument_of_meshes, task.arguments)), outputs=outputs)


def _argument_of_meshes(argument: Argument) -> Argument:
    (source,) = argument.sources
    if isinstance(source, Constant):
        return argument
    parameter = dataclasses.replace(argument.parameter, type=SocketType("Mesh", not argument.is_mapped))
    source = dataclasses.replace(source, type=SocketType("Mesh", source.type.is_list))
    return dataclasses.replace(argument, parameter=parameter, sources=(source,))


def parse_task(name: str, words: list[str], tasks: Mapping[str, PlannedTask]) -> PlannedTask:
    settings = {key: float(value) for key, _, value in (word.partition("=") for word in words if "=" in word)}
    arguments = [parse_argument(word, tasks) for word in words if "=" not in word]
    identifier = name.removesuffix("[]")
    return PlannedTask(
        id=identifier,
        name=_name(identifier),
        script=SCRIPT,
        arguments=tuple(arguments),
        outputs=(TaskOutput("result", "Result", FLOATS if name.endswith("[]") else FLOAT),),
        settings=NodeSettings(timeout=settings.get("timeout", 0.0), retries=int(settings.get("retries", 1))),
        rank=int(settings.get("rank", -1)),
    )


def parse_argument(word: str, tasks: Mapping[str, PlannedTask]) -> Argument:
    name = word.removeprefix("*")
    source: Source
    if name.isdigit():
        source = Constant((0.5,) * int(name), FLOATS)
    else:
        is_list = bool(tasks[name].mapped) or tasks[name].outputs[0].type.is_list
        source = FromTask(name, "result", FLOATS if is_list else FLOAT)
    parameter = Parameter(f"from_{name}", f"From {name.title()}", FLOAT)
    return Argument(parameter, (source,), is_mapped=word.startswith("*"))


def with_ranks(tasks: dict[str, PlannedTask]) -> list[PlannedTask]:
    ranks = dict.fromkeys(tasks, 0)
    for task in reversed(tasks.values()):
        for dependency in task.dependencies:
            ranks[dependency] = max(ranks[dependency], ranks[task.id] + 1)
    return [task if task.rank >= 0 else dataclasses.replace(task, rank=ranks[task.id]) for task in tasks.values()]
