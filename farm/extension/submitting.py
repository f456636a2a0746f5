# SPDX-License-Identifier: GPL-3.0-or-later
"""The entry of the Node menu that makes the open file a job for a farm that takes jobs.

Another process does that, `background-nodes submit` in the Python of the preferences, so this Blender stays free.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
import urllib.parse
from pathlib import Path

import bpy

from . import attaching, telling, ways
from .parts import part

_TREE = "BackgroundNodeTree"
#: What Blender prints by itself: "00:00.140  blend  | Read blend: ...".
_BLENDERS_OWN = re.compile(r"\d+:\d+\.\d+ +\S+ +\| ")
#: Seconds between two looks at whether it has ended.
_INTERVAL = 0.25


class Submission:
    """A process that makes a job. What comes of it is told whichever file is open when it has ended."""

    def __init__(self, command: list[str], allowed: list[str]) -> None:
        """Start it. `allowed` are the digests of the scripts that may run. Raises OSError."""
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 (until the process has ended)
        with tempfile.TemporaryFile() as listed:
            listed.write("\n".join(allowed).encode())
            listed.seek(0)
            self.process = subprocess.Popen(
                command, stdin=listed, stdout=subprocess.DEVNULL, stderr=self._log, start_new_session=True
            )

    def outcome(self) -> tuple[bool, str]:
        """Whether it failed, and what it said. It has ended."""
        with self._log:
            self._log.seek(0)
            lines = self._log.read().decode("utf-8", "replace").splitlines()
        said = [line for line in lines if not _BLENDERS_OWN.match(line)]
        if self.process.returncode:
            return True, "\n".join(said) or "background-nodes submit has ended without a word"
        return False, next(iter(said), "")

    def follow(self) -> None:
        """Tell what came of it as soon as it has ended."""
        self.look = self._look  # one object: Blender knows timers by it
        bpy.app.timers.register(self.look, first_interval=_INTERVAL, persistent=True)
        _going_on.append(self)

    def _look(self) -> float | None:
        if self.process.poll() is None:
            return _INTERVAL
        _going_on.remove(self)
        failed, said = self.outcome()
        telling.tell(
            "Nothing Was Submitted" if failed else "Submitted to Farm", said, "ERROR" if failed else "CHECKMARK"
        )
        return None


#: Those that have not ended yet.
_going_on: list[Submission] = []


class BACKGROUND_NODES_FARM_OT_submit(bpy.types.Operator):
    """Make a job of the node tree for a farm that takes jobs: its steps, the saved file, and all that it uses"""

    bl_idname = "background_nodes_farm.submit"
    bl_label = "Submit to Farm"

    target: bpy.props.EnumProperty(
        name="For",
        description="What reads the job",
        items=(
            ("openjd", "OpenJD", "Farms that take Open Job Description, such as AWS Deadline Cloud"),
            ("flamenco", "Flamenco", "Blender's own farm; its manager must have the job type of Background Nodes"),
        ),
    )
    folder: bpy.props.StringProperty(
        name="Folder",
        description="The folder of the job, new or empty, where all machines of the farm find it under the same path",
        subtype="DIR_PATH",
    )
    manager: bpy.props.StringProperty(
        name="Manager", description="Where Flamenco's manager is", default="http://localhost:8080"
    )
    items_per_task: bpy.props.IntProperty(
        name="Items per Task", description="How many items of a list one task of the farm does", default=1, min=1
    )
    tree_name: bpy.props.StringProperty(options={"HIDDEN", "SKIP_SAVE"})

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if not bpy.data.filepath or bpy.data.is_dirty:
            cls.poll_message_set("Save the file first: what is saved is submitted")
            return False
        return attaching.background_nodes() is not None

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        self.tree_name = context.space_data.path[0].node_tree.name
        return context.window_manager.invoke_props_dialog(self, width=400)

    def draw(self, context: bpy.types.Context) -> None:
        column = self.layout.column()
        column.use_property_split = True
        column.use_property_decorate = False
        column.prop(self, "target")
        column.prop(self, "folder")
        if self.target == "flamenco":
            column.prop(self, "manager")
        column.prop(self, "items_per_task")

    def execute(self, context: bpy.types.Context) -> set[str]:
        try:
            allowed, command = self._allowed(), self._command()
            submission = Submission(command, allowed)
        except Exception as error:  # noqa: BLE001 (its class is one of the other extension)
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        if not bpy.app.background:
            submission.follow()
            self.report({"INFO"}, f"{self.folder} is being made")
            return {"FINISHED"}
        submission.process.wait()
        failed, said = submission.outcome()
        self.report({"ERROR"} if failed else {"INFO"}, said)
        return {"CANCELLED"} if failed else {"FINISHED"}

    def _command(self) -> list[str]:
        """What makes the job. Raises what is wrong before anything begins."""
        python = ways.python_with("submit")
        folder = bpy.path.abspath(self.folder)
        if not folder or not Path(folder).is_absolute():
            raise ValueError("Give the folder of the job")
        # -P: nothing is imported from the folder that Blender was started in.
        command = [python, "-P", "-m", "background_nodes.cli", "submit", bpy.data.filepath, "--to", self.target]
        command += ["--into", folder, "--tree", self.tree_name, "--items-per-task", str(self.items_per_task)]
        command += ["--blender", bpy.app.version_string]
        command += ["--allow-listed"]  # somebody else may have saved the file since
        if self.target == "flamenco":
            _check_online(self.manager)
            command += ["--manager", self.manager]
        return command

    def _allowed(self) -> list[str]:
        """The digests of the tree's scripts. Raises CompileError if the tree can't run, ConsentError if one may not."""
        tree = bpy.data.node_groups.get(self.tree_name)
        if tree is None or tree.bl_idname != _TREE:
            raise ValueError("There is no node tree to submit")
        first = attaching.background_nodes()
        assert first is not None
        tasks = part(first, "addon.session.checks").checked(tree).tasks
        part(first, "addon.consent.current").consent.check(tasks)
        modules, commands = part(first, "runtime.keys.own_modules"), part(first, "addon.consent.commands")
        asked = (commands.part(task) for task in tasks if commands.is_asked_for(task.script))
        found = [modules.digest(modules.read(script)) for script in {task.script for task in tasks}]
        return found + [modules.digest((part,)) for part in asked]


def _check_online(url: str) -> None:
    """Raises EngineError if Blender is not to speak with that host."""
    first = attaching.background_nodes()
    assert first is not None
    part(first, "runtime.blender.online_access").check(urllib.parse.urlsplit(url).hostname or "")


def _draw_node_menu(menu: bpy.types.Menu, context: bpy.types.Context) -> None:
    space = context.space_data
    if space.tree_type == _TREE and len(space.path):
        menu.layout.separator()
        menu.layout.operator_context = "INVOKE_DEFAULT"
        menu.layout.operator(BACKGROUND_NODES_FARM_OT_submit.bl_idname, text="Submit to Farm...", icon="EXPORT")


def register() -> None:
    bpy.utils.register_class(BACKGROUND_NODES_FARM_OT_submit)
    bpy.types.NODE_MT_node.append(_draw_node_menu)


def unregister() -> None:
    for each in _going_on:
        bpy.app.timers.unregister(each.look)
    _going_on.clear()
    bpy.types.NODE_MT_node.remove(_draw_node_menu)
    bpy.utils.unregister_class(BACKGROUND_NODES_FARM_OT_submit)
