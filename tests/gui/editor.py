"""The editor of background nodes in a window, as hands and eyes use it: its menu, its nodes, sockets and buttons."""

from __future__ import annotations

from typing import Any

from window import Window

Place = tuple[float, float]

IDNAME = "BackgroundNodeTree"
#: Pixels between two places where a button is looked for.
_STEP = 14
#: Where buttons were found: mostly they are there again.
_found: dict[tuple[str, str, str], Place] = {}


class Editor:
    """The largest area of a window. `open` makes it our editor."""

    def __init__(self, window: Window) -> None:
        self.window = window

    def open(self, tree: str = "") -> None:
        """Choose our editor in the area's menu of editor types; show `tree`, a new one that is named so."""
        left, bottom, _, top = self.window.run('return places.rectangle("", "HEADER")')
        self.window.click(left + 25, (bottom + top) / 2)
        self.window.press("B")  # the letter that is underlined in "Background Nodes"
        self.window.wait_for("return places.area('').ui_type == idname", idname=IDNAME)
        if tree:
            self.window.run(
                """
                places.area().spaces.active.node_tree = bpy.data.node_groups.new(name, idname)
                with places.editor():
                    bpy.ops.ed.undo_push(message="New")
                """,
                name=tree,
                idname=IDNAME,
            )
        self.window.settle()

    # Nodes

    def add_script(self, source: str, name: str, location: Place = (0.0, 0.0)) -> str:
        """Make a script node of a text with this source. Returns the node's name."""
        return self.window.run(
            """
            text = bpy.data.texts.new(name + ".py")
            text.from_string(source)
            node = places.tree().nodes.new("BackgroundNodeScript")
            node.name, node.script, node.location = name, text, location
            return node.name
            """,
            source=source,
            name=name,
            location=location,
        )

    def link(self, source: str, output: str, target: str, socket: str) -> None:
        """Wire two nodes by dragging from socket to socket."""
        self.window.drag(self.output(source, output), self.input(target, socket))

    def frame_all(self) -> None:
        """Show all nodes."""
        self.window.move(*self.middle())
        self.window.press("HOME")
        self.window.settle(4)

    # Places in the window

    def middle(self) -> Place:
        left, bottom, right, top = self.window.run('return places.rectangle(idname, "WINDOW")', idname=IDNAME)
        return (left + right) / 2, (bottom + top) / 2

    def place_of(self, node: str, x: float = 0.5, y: float | None = None) -> Place:
        """A place on a node: as shares of its width and height from its top left corner; the header without `y`."""
        return tuple(self.window.run("return places.of_node(node, x, y)", node=node, x=x, y=y))

    def input(self, node: str, name: str) -> Place:
        return tuple(self.window.run("return places.of_socket(node, name, False)", node=node, name=name))

    def output(self, node: str, name: str) -> Place:
        return tuple(self.window.run("return places.of_socket(node, name, True)", node=node, name=name))

    # Buttons

    def button(self, command: str, region: str = "HEADER", ui_type: str = IDNAME) -> Place:
        """A place on the button whose Python command begins with `bpy.ops.` and `command`, in a region.

        Raises:
            AssertionError: if there is none.
        """
        left, bottom, right, top = self.window.run("return places.rectangle(t, r)", t=ui_type, r=region)
        if region == "HEADER":  # ours are at its right end
            places = [(x, (bottom + top) / 2) for x in range(int(right) - 8, int(left), -_STEP)]
        else:
            # In a panel buttons are wide, two of them at most in a row, or at its right border, beside the tabs.
            # Column by column: most are found in the first one, and each look has Blender draw.
            columns = [left + share * (right - left) for share in (0.81, 0.25, 0.65)]
            places = [(x, y) for x in columns for y in range(int(top) - 8, int(bottom), -_STEP)]
        key = command, region, ui_type
        before = [_found[key]] if key in _found else []
        _found[key] = self._find_button(command, before + places)
        return _found[key]

    def button_on(self, node: str, command: str) -> Place:
        """A place on a button of a node."""
        left, top = self.place_of(node, 0.0, 0.0)
        right, bottom = self.place_of(node, 1.0, 1.0)
        rows = range(int(top) - 8, int(bottom), -_STEP)
        columns = range(int(right) - 8, int(left), -_STEP)
        return self._find_button(command, [(x, y) for y in rows for x in columns])

    def press_button(self, command: str, **where: str) -> None:
        """Click a button of the header, or of another region."""
        self.window.click(*self.button(command, **where))

    def press_button_on(self, node: str, command: str) -> None:
        self.window.click(*self.button_on(node, command))

    def _find_button(self, command: str, candidates: list[Place]) -> Place:
        seen = set()
        for place in candidates:
            self.window.move(*place)
            self.window.settle(1)
            found = self.window.run("return places.button_command()")
            if found.startswith(f"bpy.ops.{command}"):
                return place
            seen.add(found)
        raise AssertionError(f"no button {command}, only {sorted(filter(None, seen))}")

    # The run

    def reports(self) -> str:
        """All that the Info editor shows. It takes the place of the Properties editor."""
        self.window.wait_for("return not places.window().modal_operators")
        return self.window.run(
            """
            area = next(area for area in places.window().screen.areas if area.type in ("PROPERTIES", "INFO"))
            area.ui_type = "INFO"
            with bpy.context.temp_override(window=places.window(), area=area, region=area.regions[-1]):
                bpy.ops.info.select_all(action="SELECT")
                bpy.ops.info.report_copy()
            return bpy.context.window_manager.clipboard
            """
        )

    def run(self) -> dict[str, Any]:
        """What the session tells of the last run of the tree that is shown: state, progress, tasks."""
        return self.window.run(
            """
            run = places.session().run_of(places.tree())
            if run is None:
                return {}
            tasks = {name: {"state": str(task.state), "progress": task.progress} for name, task in run.tasks.items()}
            return {"state": str(run.state), "is_home": run.is_home, "progress": run.progress, "tasks": tasks}
            """
        )

    def wait_for_progress(self, node: str, progress: float) -> None:
        """Wait until the bar of a node shows a progress."""
        self.window.wait_for(
            """
            task = places.task(places.tree().nodes[node])
            redraw = places.module("addon.editor.redraw")
            return task is not None and redraw.shown_progress(task) == task.progress == progress
            """,
            node=node,
            progress=progress,
        )
        self.window.settle(5)

    def wait_until_home(self, timeout: float = 60.0) -> dict[str, Any]:
        """Wait until the run is over and its results are in the file; what it tells then."""
        self.window.wait_for("return not places.session().is_busy", timeout)
        return self.run()
