"""An artist who builds graphs by mouse and keys: adds nodes by their names, fills fields, and drags links."""

from __future__ import annotations

from typing import Any

from editor import Editor, Place

#: Where in a row the field beside a label is hit, and how much lower to try: first and last rows are higher.
_FIELD = 0.62
_BELOW = (0, 4, -4, 8, -8, 12)


class Builder(Editor):
    """Places of nodes are pixels from the left and from the top of the editor."""

    def make_room(self, tree: str, zoom_out: int = 0) -> None:
        """Open our editor in all of the window, without its Sidebar, which would cover nodes.

        Args:
            tree: the name of the new tree.
            zoom_out: by how many clicks of the mouse wheel everything is made smaller.
        """
        self.open(tree)
        self.window.move(*self.middle())
        self.window.press("SPACE", ctrl=True)
        self.window.settle(5)
        self.window.run("places.area().spaces.active.show_region_ui = False")
        self.window.settle(5)
        self.window.move(*self.middle())
        for _ in range(zoom_out):
            self.window.event("WHEELDOWNMOUSE", "PRESS")
            self.window.settle(1)
        self.window.settle(3)

    def add(self, title: str, place: Place, *, typed: str = "") -> str:
        """Add a node by the search of the menu *Add*, and leave it in a place. Returns its name.

        Args:
            title: what it is called.
            place: of its header.
            typed: what is typed into the search; the title if it is not given.
        """
        left, _, _, top = self.window.run('return places.rectangle("BackgroundNodeTree", "WINDOW")')
        before = self.window.run("return list(places.tree().nodes.keys())")
        self.window.move(left + place[0], top - place[1])
        self.window.press("A", shift=True)
        self.window.settle(5)
        self.window.type_text(typed or title.lower())
        self.window.settle(5)
        self.window.press("RET")
        name = self.window.wait_for(
            "return next((name for name in places.tree().nodes.keys() if name not in before), '')", before=before
        )
        assert name.partition(".")[0] == title, f"{typed or title} adds {name}"
        self.window.settle(3)
        self.window.click()
        return name

    def connect(self, *links: tuple[str, str, str, str]) -> None:
        """Drag links: each is a node, its output, the other node, its input."""
        for source, output, target, socket in links:
            self.link(source, output, target, socket)
            assert self.window.run(
                """
                found = places.tree().nodes[node].inputs[socket].links
                return [(link.from_node.name, link.from_socket.name) for link in found]
                """,
                node=target,
                socket=socket,
            )[-1:] == [[source, output]], f"{source} {output} to {target} {socket}"

    # Fields

    def field(self, node: str, socket: str) -> Place:
        """A place on the field of an input."""
        return self._field_at(node, socket, "inputs", self.input(node, socket)[1])

    def output_field(self, node: str, socket: str) -> Place:
        """A place on the field of an output: an Input node has its value there."""
        return self._field_at(node, socket, "outputs", self.output(node, socket)[1])

    def _field_at(self, node: str, socket: str, side: str, y: float) -> Place:
        found = "return getattr(places.tree().nodes[node], side).find(socket)"
        index = self.window.run(found, node=node, side=side, socket=socket)
        path = f'nodes["{node}"].{side}[{index}].'
        x = self.place_of(node, _FIELD)[0]
        for below in _BELOW:
            self.window.move(x, y - below, steps=3)
            self.window.settle(3)
            if self.window.run("return places.field_path()").startswith(path):
                return x, y - below
        raise AssertionError(f"{path}: no field is to be seen at {x}, {y}")

    def type_value(self, node: str, socket: str, text: object) -> None:
        """Type into the field of a text, a path or a number."""
        self.window.click(*self.field(node, socket))
        self.window.press("A", ctrl=True)
        self.window.press("BACK_SPACE")
        self.window.type_text(f"{text}\n")

    def tick(self, node: str, socket: str) -> None:
        """Click a tick box."""
        was = self._value(node, socket)
        self.window.click(*self.field(node, socket))
        assert self._value(node, socket) != was

    def choose(self, node: str, socket: str, entry: str) -> None:
        """Choose an entry of the menu of an input by the arrow keys."""
        entries = self.window.run(
            "import json; return json.loads(places.tree().nodes[node].inputs[socket].choices_json)",
            node=node,
            socket=socket,
        )
        self.window.click(*self.field(node, socket))
        for _ in range(entries.index(entry) + 1):
            self.window.press("DOWN_ARROW")
        self.window.press("RET")
        assert self._value(node, socket) == entry

    def pick_data_block(self, node: str, name: str) -> None:
        """Choose the data-block that an Input node gives by typing its name."""
        self.window.click(*self.output_field(node, "Value"))
        self.window.settle(5)
        self.window.type_text(name)
        self.window.settle(5)
        self.window.press("RET")
        self.window.settle(3)
        chosen = "found = places.tree().nodes[node].outputs[0].default_value; return found and found.name"
        assert self.window.run(chosen, node=node) == name

    def _value(self, node: str, socket: str) -> Any:
        return self.window.run(
            "return places.tree().nodes[node].inputs[socket].default_value", node=node, socket=socket
        )

    # The graph

    def graph(self) -> dict[str, Any]:
        """The tree as text."""
        return self.window.run("return places.module('node_tree.text_form.dumping').dump(places.tree())['tree']")

    def run_all(self, timeout: float = 60.0) -> dict[str, Any]:
        """Press the key for *Run*, and wait for the end of the run and its results; what it tells then."""
        self.window.move(*self.middle())
        self.window.press("RET", ctrl=True)
        self.window.wait_for("return len(places.session().history) == 1")
        return self.wait_until_home(timeout)


def contents(graph: dict[str, Any], names: dict[str, str], values: dict[str, Any]) -> tuple[dict[str, Any], list[Any]]:
    """What nodes and links of a graph are, without looks and places.

    Args:
        graph: the tree as text.
        names: nodes that are called something else, by their names in the graph.
        values: values by the identifiers of inputs that are other ones.
    """
    nodes = {}
    for name, node in graph["nodes"].items():
        if node["type"] == "NodeFrame":
            continue
        inputs = {
            each["identifier"]: values.get(each["identifier"], each.get("value")) for each in node.get("inputs", ())
        }
        given = {identifier: value for identifier, value in inputs.items() if value is not None}
        nodes[names.get(name, name)] = (node["type"], node.get("settings"), given)
    ends = [[(names.get(node, node), socket) for node, socket in (each["from"], each["to"])] for each in graph["links"]]
    return nodes, sorted(ends)
