"""Runs inside Blender: an artist who does something at random, again and again, by Blender's own operators."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import addon_utils
import bpy
import places

IDNAME = "BackgroundNodeTree"

_HEADER = """
import os, time, bpy
from background_nodes.script import progress
"""
_SCRIPTS = {
    "quick": "def main(value: int = 1) -> int:\n    time.sleep(0.01)\n    return value + 1",
    "slow": (
        "def main(value: int = 1, name: str = 'a') -> int:\n    for step in range(6):\n"
        "        progress(step / 6, name)\n        time.sleep(0.05)\n    return value"
    ),
    "count": "def main(number: int = 5) -> list[int]:\n    return list(range(number))",
    "failing": "def main(value: int = 1) -> int:\n    time.sleep(0.02)\n    raise ValueError('as ever: ' + str(value))",
    "crashing": "def main(value: int = 1) -> int:\n    time.sleep(0.05)\n    os._exit(3)",
    "making": (
        "def main(size: float = 1.0) -> bpy.types.Object:\n    mesh = bpy.data.meshes.new('Made')\n"
        "    mesh.from_pydata([(0, 0, 0), (size, 0, 0), (0, size, 0)], [], [(0, 1, 2)])\n"
        "    return bpy.data.objects.new('Made', mesh)"
    ),
    "turning": (
        "def main(source: bpy.types.Object, angle: float = 1.0) -> bpy.types.Object:\n"
        "    source.rotation_euler.z += angle\n    time.sleep(0.03)\n    return source"
    ),
    "coloring": (
        "def main(source: bpy.types.Material) -> bpy.types.Material:\n"
        "    source.diffuse_color[0] = 0.5\n    print('coloured')\n    return source"
    ),
    "seed": "update_job_progress(0.5)\ntime.sleep(0.02)\npython_data = {'sum': value + size}",
    "seed making": "mesh = bpy.data.meshes.new(name)\npython_data = {'name': name}\ndata_blocks = [mesh]",
    "wrong": "def main(value: int = 1 -> int:\n    return value",
    "renamed": "def main(amount: int = 1, extra: float = 0.5) -> int:\n    return amount",
}
#: Scripts that are worth a new node; the others are what a text becomes while it is edited.
_WHOLE = (
    "quick",
    "quick",
    "slow",
    "slow",
    "count",
    "failing",
    "crashing",
    "making",
    "turning",
    "turning",
    "coloring",
    "seed",
    "seed making",
)
_INPUTS = ("Object", "Object", "Material", "Collection", "INT", "FLOAT", "STRING", "COLOR", "Image")
#: What is done to the inputs and outputs of a script without `main`; "" is to edit one.
_DECLARING: tuple[tuple[str, dict[str, object]], ...] = (
    ("", {}),
    ("", {}),
    ("socket_declare", {"node_name": ""}),
    ("socket_undeclare", {"node_name": ""}),
    ("socket_declaration_move", {"direction": "UP"}),
    ("socket_declaration_move", {"direction": "DOWN"}),
    ("sockets_detect", {}),
)
#: What is done with groups.
_GROUPING: tuple[tuple[str, dict[str, object]], ...] = (
    ("group_make", {}),
    ("group_make", {}),
    ("group_edit", {}),
    ("group_edit", {"exit": True}),
    ("group_edit", {"exit": True}),
    ("group_ungroup", {}),
    ("group_insert", {}),
    ("group_separate", {"type": "MOVE"}),
    ("group_separate", {"type": "COPY"}),
    ("", {}),
)
_MODES = ("LINK", "REPLACE", "KEEP", "SAVE")

Action = Callable[["Artist"], object]


class Artist:
    """Acts in the largest editor, on whatever is there."""

    def __init__(self, folder: str, extension: str) -> None:
        self.folder = Path(folder)
        self.extension = extension
        self.random = random.Random(0)

    def act(self, name: str, seed: int) -> str:
        """Do one of `ACTIONS`; return its result. Blender may refuse it."""
        self.random = random.Random(seed)
        self._open_editor()
        try:
            return str(ACTIONS[name][1](self) or "")
        except RuntimeError as error:
            if "Traceback" in str(error):
                raise
            return str(error).strip().splitlines()[0]
        finally:
            if name in _WITHOUT_STEP:
                self._push_undo()

    def somewhere(self, seed: int) -> tuple[float, float]:
        """A place in the editor for the mouse."""
        self.random = random.Random(seed)
        self._open_editor()
        left, bottom, right, top = places.rectangle(IDNAME, "WINDOW")
        return self.random.uniform(left + 20, right - 20), self.random.uniform(bottom + 20, top - 20)

    # What is checked

    def double_ids(self) -> list[str]:
        """Nodes that share their id with another one: each would show the other's state."""
        seen: set[str] = set()
        nodes = [node for tree in self._trees() for node in tree.nodes if hasattr(node, "uid")]
        return [f"{node.id_data.name}: {node.name}" for node in nodes if node.uid in seen or seen.add(node.uid)]

    def end_runs(self) -> None:
        for run in places.session().runs:
            run.cancel()
        with bpy.context.temp_override(window=places.window()):
            if bpy.context.mode != "OBJECT":
                bpy.ops.object.mode_set(mode="OBJECT")

    def is_idle(self) -> bool:
        return not places.session().is_busy

    def worker_process_ids(self) -> list[int]:
        return list(places.session().worker_process_ids)

    # What it acts on

    def _open_editor(self) -> None:
        """A new file has no editor of ours, and one may have been closed."""
        if not any(area.ui_type == IDNAME for area in places.window().screen.areas):
            places.area("").ui_type = IDNAME
        space = places.area().spaces.active
        if space.node_tree is None or space.node_tree.bl_idname != IDNAME:
            if not self._trees():
                bpy.data.node_groups.new("Tree", IDNAME)
                self._push_undo()
            space.node_tree = self._trees()[0]

    def _push_undo(self) -> None:
        """Make an undo step, as an artist's actions do: Blender crashes at an undo past changes without a step."""
        with places.editor():
            bpy.ops.ed.undo_push(message="Artist")

    def _trees(self) -> list[bpy.types.NodeTree]:
        return [tree for tree in bpy.data.node_groups if tree.bl_idname == IDNAME]

    def _tree(self) -> bpy.types.NodeTree:
        """The tree that is shown, be it a group."""
        return places.area().spaces.active.edit_tree

    def _node(self) -> bpy.types.Node:
        nodes = self._tree().nodes
        if not nodes:
            raise RuntimeError("no node")
        return self.random.choice(nodes[:])

    def _select(self, most: int = 4) -> list[str]:
        """Select some nodes; their names."""
        nodes = self._tree().nodes
        chosen = self.random.sample(nodes[:], min(len(nodes), self.random.randint(1, most)))
        for node in nodes:
            node.select = node in chosen
        nodes.active = chosen[0] if chosen else None
        return [node.name for node in chosen]

    def _in_editor(self, operator: str, /, **options: object) -> None:
        """Call an operator as a key or a button does: with an undo step."""
        module, _, name = operator.partition(".")
        with places.editor():
            getattr(getattr(bpy.ops, module), name)("EXEC_DEFAULT", True, **options)

    # Groups

    def group(self) -> str:
        operator, options = self.random.choice(_GROUPING)
        if not operator:  # any tree, in itself or not
            tree = self.random.choice(self._trees())
            self._in_editor("background_nodes.node_add", choice=f"group:{tree.name}")
            return f"add {tree.name}"
        if operator in ("group_make", "group_insert", "group_separate"):
            self._select()
        groups = [node for node in self._tree().nodes if node.bl_idname == "BackgroundNodeGroup"]
        if groups and operator in ("group_edit", "group_ungroup", "group_insert"):
            self._tree().nodes.active = self.random.choice(groups)
            self._tree().nodes.active.select = True
        self._in_editor(f"background_nodes.{operator}", **options)
        return f"{operator} {len(places.area().spaces.active.path)}"

    # Nodes and links

    def add_script(self, kinds: tuple[str, ...] = _WHOLE) -> str:
        kind = self.random.choice(kinds)
        text = bpy.data.texts.get(f"{kind}.py") or bpy.data.texts.new(f"{kind}.py")
        if not text.as_string().strip():
            text.from_string(_HEADER + _SCRIPTS[kind])
        node = self._add("BackgroundNodeScript")
        node.script = text
        self._link_node(node)
        return node.name

    def add_library(self) -> str:
        self._in_editor(
            "background_nodes.node_add", choice=f"library:mesh/{self.random.choice(('decimate', 'measure'))}"
        )
        return self._tree().nodes.active.name

    def add_input(self) -> str:
        node = self._add("BackgroundNodeInput")
        node.data_type = self.random.choice(_INPUTS)
        collection = {"Object": bpy.data.objects, "Material": bpy.data.materials, "Collection": bpy.data.collections}
        there = collection.get(node.data_type, ())
        if there:
            node.outputs[0].default_value = self.random.choice(there[:])
        return f"{node.name} {node.data_type}"

    def add_output(self) -> str:
        node = self._add("BackgroundNodeOutput")
        node.mode = self.random.choice(_MODES)
        node.filepath = str(self.folder / "results.blend")
        self._link_node(node)
        return node.name

    def add_layout(self) -> str:
        return self._add(self.random.choice(("NodeReroute", "NodeFrame"))).name

    def _add(self, idname: str) -> bpy.types.Node:
        self._in_editor("node.add_node", type=idname)
        node = self._tree().nodes.active
        node.location = self.random.uniform(-600, 600), self.random.uniform(-400, 400)
        return node

    def link(self) -> str:
        return self._link_node(self._node())

    def _link_node(self, node: bpy.types.Node) -> str:
        """Mostly from a socket of the same type."""
        sources = [other.outputs[0] for other in self._tree().nodes if other != node and other.outputs]
        if not sources or not node.inputs:
            return "nothing"
        socket = self.random.choice(node.inputs[:])
        fitting = [source for source in sources if source.bl_idname == socket.bl_idname]
        source = self.random.choice(fitting if fitting and self.random.random() < 0.98 else sources)
        self._tree().links.new(source, socket)
        return f"{source.node.name} to {node.name}.{socket.name}"

    def unlink(self) -> str:
        links = self._tree().links
        if not links:
            return "nothing"
        link = self.random.choice(links[:])
        told = f"{link.from_node.name} to {link.to_node.name}"
        links.remove(link)
        return told

    def on_selection(self) -> str:
        """One of Blender's own operators on some nodes."""
        operator, options = self.random.choice(_ON_SELECTION)
        names = self._select()
        self._in_editor(operator, **options)
        return f"{operator} {names}"

    def delete(self) -> str:
        names = self._select(2)
        self._in_editor(self.random.choice(("node.delete", "node.delete_reconnect")))
        return str(names)

    def thin_out(self) -> str:
        """So that the tree does not grow for ever."""
        nodes = self._tree().nodes
        if len(nodes) < 25:
            return "nothing"
        names = self._select(len(nodes))
        self._in_editor("node.delete")
        return str(len(names))

    def duplicate(self) -> str:
        names = self._select()
        self._in_editor("node.duplicate", keep_inputs=self.random.random() < 0.5)
        return str(names)

    def copy(self) -> str:
        names = self._select()
        self._in_editor("node.clipboard_copy")
        return str(names)

    def paste(self) -> None:
        self._in_editor("node.clipboard_paste")

    def change_node(self) -> str:
        node = self._node()
        node.location.x += self.random.uniform(-100, 100)
        node.width = self.random.uniform(60, 300)
        node.name = self.random.choice(("A", "Node", "节点", node.name))
        if hasattr(node, "timeout"):
            node.timeout = self.random.choice((0.0, 0.0, 0.1))
            node.use_fresh_process = self.random.random() < 0.05
            node.keep_result = not node.keep_result
        return node.name

    def change_value(self) -> str:
        node = self._node()
        for socket in node.inputs:
            if type(getattr(socket, "default_value", None)) in (int, float):
                socket.default_value = self.random.randint(0, 9)
        return node.name

    def declare(self) -> str:
        """Change what goes in and out of a script without `main`."""
        nodes = [node for node in self._tree().nodes if getattr(node, "is_without_main", False)]
        if not nodes:
            return self.add_script(("seed", "seed making"))
        node = self._tree().nodes.active = self.random.choice(nodes)
        is_output = self.random.random() < 0.4
        entries = node.declared_outputs if is_output else node.declared_inputs
        row = "active_output_index" if is_output else "active_input_index"
        setattr(node, row, self.random.randrange(len(entries) + 1))
        operator, options = self.random.choice(_DECLARING)
        if operator:
            self._in_editor(f"background_nodes.{operator}", **options, **({"is_output": is_output} if options else {}))
        elif entries:
            entry = self.random.choice(entries[:])
            entry.name = self.random.choice(("value", "size", "sum", "name", "größe", "two words", ""))
            entry.data_type = self.random.choice(("INT", "FLOAT", "STRING", "ANY", "Object", "Mesh", "ID", "MATRIX"))
            entry.is_list = self.random.random() < 0.3
            entry.is_optional = self.random.random() < 0.5
        return f"{node.name} {operator or 'edit'}"

    # Texts

    def edit_text(self) -> str:
        kind = self.random.choice(list(_SCRIPTS))
        text = bpy.data.texts.get(f"{kind}.py")
        if text is None:
            return "nothing"
        content = self.random.choice((kind, kind, "wrong", "renamed", "quick", "seed"))
        text.from_string(_HEADER + _SCRIPTS[content])
        return f"{text.name} to {content}"

    def remove_text(self) -> str:
        if not bpy.data.texts:
            return "nothing"
        text = self.random.choice(bpy.data.texts[:])
        name = text.name
        bpy.data.texts.remove(text)
        return name

    # Runs

    def run(self) -> str:
        self._fix()
        scope = self.random.choice(("ALL", "ALL", "ALL", "SELECTED", "ACTIVE"))
        self._in_editor("background_nodes.run", scope=scope, force=self.random.random() < 0.03)
        return scope

    def _fix(self) -> None:
        """Mostly fix what would keep the run from starting, so that most runs start."""
        tree = self._tree()
        is_refused = places.module("node_tree.links").is_refused
        for link in [link for link in tree.links if is_refused(link)] if self.random.random() < 0.9 else []:
            tree.links.remove(link)
        for socket in [socket for node in tree.nodes for socket in node.inputs]:
            if socket.bl_idname == "BackgroundNodeSocketObject" and not socket.is_linked and bpy.data.objects:
                socket.default_value = socket.default_value or self.random.choice(bpy.data.objects[:])
        self._push_undo()

    def lead_run(self) -> str:
        operator = self.random.choice(("cancel", "cancel_node", "pause", "pause", "finish_current", "retry"))
        if operator == "cancel_node" and self._tree().nodes:
            self._select(1)
        self._in_editor(f"background_nodes.{operator}")
        return operator

    def show_log(self) -> str:
        name = self._node().name
        self._in_editor("background_nodes.log_show", node_name=name)
        return name

    def show_result(self) -> str:
        node = self._node()
        if not node.outputs:
            return "nothing"
        name = node.name
        self._in_editor("background_nodes.result_show", node_name=name, identifier=node.outputs[0].identifier)
        return name

    def set_auto_run(self) -> str:
        tree = self._tree()
        tree.auto_run = self.random.choice(("MANUAL", "SAVE", "LIVE", "FRAME"))
        return tree.auto_run

    # History and files

    def undo(self) -> str:
        number = self.random.choice((1, 1, 2, 4))
        for _ in range(number):
            self._in_editor("ed.undo")
        return str(number)

    def redo(self) -> None:
        self._in_editor("ed.redo")

    def save(self) -> str:
        name = self.random.choice(("one.blend", "two.blend"))
        is_copy = self.random.random() < 0.3
        bpy.ops.wm.save_as_mainfile(filepath=str(self.folder / name), copy=is_copy)
        return name

    def load(self) -> str:
        files = sorted(self.folder.glob("*.blend"))
        if not files:
            return "nothing"
        path = self.random.choice(files)
        bpy.ops.wm.open_mainfile(filepath=str(path), load_ui=self.random.random() < 0.5)
        return path.name

    def open_new(self) -> None:
        bpy.ops.wm.read_homefile(use_factory_startup=True)

    def append(self) -> str:
        path = self.folder / self.random.choice(("one.blend", "two.blend"))
        if not path.exists() or bpy.data.filepath == str(path):
            return "nothing"
        with bpy.data.libraries.load(str(path), link=self.random.random() < 0.2) as (there, wanted):
            wanted.node_groups = there.node_groups[:1]
        return str(there.node_groups[:1])

    # Trees and editors

    def switch_tree(self) -> str:
        places.area().spaces.active.node_tree = tree = self.random.choice(self._trees())
        return tree.name

    def change_trees(self) -> str:
        trees = self._trees()
        what = self.random.choice(("new", "copy", "rename", "remove", "remove"))
        if what == "new":
            bpy.data.node_groups.new("Tree", IDNAME)
        elif what == "copy":
            self._tree().copy()
        elif what == "rename":
            self._tree().name = self.random.choice(("Tree", "Other", "Träume"))
        elif len(trees) > 1:
            bpy.data.node_groups.remove(self.random.choice(trees))
        return what

    def change_editor(self) -> str:
        what = self.random.choice(("pin", "sidebar", "type", "overlay", "close", "split"))
        area = places.area()
        space = area.spaces.active
        if what == "pin":
            space.pin = not space.pin
        elif what == "sidebar":
            space.show_region_ui = not space.show_region_ui
        elif what == "type":
            area.ui_type = self.random.choice(("VIEW_3D", "TEXT_EDITOR", "ShaderNodeTree"))
        elif what == "overlay":
            preferences = bpy.context.preferences.addons[self.extension].preferences
            preferences.overlay_heat_map = not preferences.overlay_heat_map
            preferences.overlay_time = not preferences.overlay_time
        elif len(places.window().screen.areas) > 6:
            with places.editor():
                bpy.ops.screen.area_close()
        elif what == "split":
            self._in_editor("screen.area_split", direction="VERTICAL", factor=0.6)
        return what

    # The rest of Blender

    def change_scene(self) -> str:
        what = self.random.choice(("mode", "play", "frame", "add", "remove", "rename", "render"))
        with bpy.context.temp_override(window=places.window()):
            if what == "mode" and bpy.context.view_layer.objects.active is not None:
                bpy.ops.object.mode_set(mode=self.random.choice(("EDIT", "OBJECT")))
            elif what == "play":
                bpy.ops.screen.animation_play()
            elif what == "frame":
                bpy.context.scene.frame_set(self.random.randint(1, 50))
            elif what == "add":
                bpy.ops.mesh.primitive_cube_add()
            elif what == "remove" and bpy.context.mode == "OBJECT" and bpy.data.objects:
                bpy.data.objects.remove(self.random.choice(bpy.data.objects[:]))
            elif what == "rename" and bpy.data.objects:
                self.random.choice(bpy.data.objects[:]).name = "Made"
            elif what == "render" and self.random.random() < 0.1:
                scene = bpy.context.scene
                scene.render.engine, scene.render.resolution_percentage = "BLENDER_WORKBENCH", 5
                bpy.ops.render.render()
        return what

    # The add-on itself

    def switch_off_and_on(self) -> None:
        addon_utils.disable(self.extension)
        addon_utils.enable(self.extension)

    def reload_scripts(self) -> None:
        bpy.ops.script.reload()


_ON_SELECTION: tuple[tuple[str, dict[str, object]], ...] = (
    ("node.mute_toggle", {}),
    ("node.hide_toggle", {}),
    ("node.options_toggle", {}),
    ("node.hide_socket_toggle", {}),
    ("node.join", {}),
    ("node.detach", {}),
    ("node.link_make", {}),
    ("node.link_make", {"replace": True}),
    ("node.links_detach", {}),
    ("node.view_selected", {}),
    ("node.select_linked_from", {}),
)

#: Actions that change the file by Blender's API, which leaves the undo step to its caller.
_WITHOUT_STEP = frozenset(
    {
        "add script",
        "add input",
        "add output",
        "add layout",
        "link",
        "unlink",
        "change node",
        "change value",
        "declare",
        "edit text",
        "remove text",
        "set auto run",
        "append",
        "change trees",
        "change scene",
    }
)
#: What can be done, how often.
ACTIONS: dict[str, tuple[float, Action]] = {
    "add script": (10, Artist.add_script),
    "add library": (2, Artist.add_library),
    "add input": (4, Artist.add_input),
    "add output": (3, Artist.add_output),
    "add layout": (2, Artist.add_layout),
    "link": (14, Artist.link),
    "group": (12, Artist.group),
    "unlink": (4, Artist.unlink),
    "on selection": (14, Artist.on_selection),
    "delete": (5, Artist.delete),
    "thin out": (4, Artist.thin_out),
    "duplicate": (4, Artist.duplicate),
    "copy": (3, Artist.copy),
    "paste": (4, Artist.paste),
    "change node": (6, Artist.change_node),
    "change value": (5, Artist.change_value),
    "declare": (6, Artist.declare),
    "edit text": (5, Artist.edit_text),
    "remove text": (0.7, Artist.remove_text),
    "run": (16, Artist.run),
    "lead run": (8, Artist.lead_run),
    "show log": (2, Artist.show_log),
    "show result": (3, Artist.show_result),
    "set auto run": (1, Artist.set_auto_run),
    "undo": (12, Artist.undo),
    "redo": (6, Artist.redo),
    "save": (3, Artist.save),
    "load": (1.5, Artist.load),
    "open new": (0.5, Artist.open_new),
    "append": (1, Artist.append),
    "switch tree": (3, Artist.switch_tree),
    "change trees": (2, Artist.change_trees),
    "change editor": (3, Artist.change_editor),
    "change scene": (5, Artist.change_scene),
    "switch off and on": (0.2, Artist.switch_off_and_on),
    "reload scripts": (0.1, Artist.reload_scripts),
}
