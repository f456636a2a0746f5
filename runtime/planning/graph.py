# SPDX-License-Identifier: GPL-3.0-or-later
"""The graph: an immutable copy of a node tree, with no bpy object in it."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field

from ..errors import Problem
from ..script.signature import Parameter, ScriptSource
from ..script.socket_types import LiveRef, SocketType, Value
from .destinations import FilesInUse
from .lists import ListOperation


class NodeKind(enum.Enum):
    """What a node is to the compiler."""

    SCRIPT = "script"  # runs in a worker
    INPUT = "input"  # gives the values of its output sockets
    OUTPUT = "output"  # takes results home
    REROUTE = "reroute"
    FRAME = "frame"
    GROUP = "group"  # passes on what arrives: at an input into the group, at an output out of it
    LIST = "list"  # gives elements of lists, or one of its inputs: see `lists`


@dataclass(frozen=True, slots=True)
class NodeSettings:
    """How a node runs.

    Attributes:
        timeout: seconds one task of the node may take, 0 for no limit.
        retries: how often a task is tried again after its worker died.
        fresh_process: whether each task gets a worker that nothing ran in before.
        keep_result: whether its results come home although other nodes consume them.
        addons: modules of add-ons that the worker has enabled before the script.
        is_never_cached: whether its tasks run each time.
        preferences: name of the file with the preferences that the worker has, "" for factory settings.
        needs: what the machine must have, as in `needs`; "" for nothing.
    """

    timeout: float = 0.0
    retries: int = 1
    fresh_process: bool = False
    keep_result: bool = False
    addons: tuple[str, ...] = ()
    is_never_cached: bool = False
    preferences: str = ""
    needs: str = ""


@dataclass(frozen=True, slots=True)
class Repeat:
    """How often a group runs, one pass after the other.

    Attributes:
        iterations: how many passes there are; the most if something else decides.
        count_input: the identifier of the input that says how many, "" if none does.
        stop_output: the identifier of the output that says whether a pass was the last one, "" if none does.
        number_input: the identifier of the input that gets the number of the pass, from 0; "" if there is none.
    """

    iterations: int
    count_input: str = ""
    stop_output: str = ""
    number_input: str = ""


class OutputMode(enum.Enum):
    """What an Output node does with data-blocks: link them, replace the originals, or only keep them in the file."""

    LINK = "LINK"
    REPLACE = "REPLACE"
    KEEP = "KEEP"


class WhenChanged(enum.Enum):
    """What becomes of an earlier result that the artist changed by hand, when a new one comes home.

    It stays, and the artist can take the new one later; it stays; the new one takes its place; both are there.
    """

    ASK = "ASK"
    MINE = "MINE"
    RESULT = "RESULT"
    BOTH = "BOTH"


@dataclass(frozen=True, slots=True)
class OutputAction:
    """What an Output node does with what comes home.

    Attributes:
        mode: what it does with data-blocks.
        collection: where LINK links objects, None for the scene's own.
        keep_earlier: whether the results of earlier runs stay beside the new ones.
        when_changed: what becomes of those that the artist changed by hand.
        keep_succeeded: whether results come home although others that the node takes failed.
        offset: how far LINK moves each result from where the one before was moved.
        hides_original: whether LINK hides the objects that results were made of.
        inside: the collections that hold what LINK links there: `collection`, and those that this is in.
    """

    mode: OutputMode
    collection: LiveRef | None = None
    keep_earlier: bool = False
    when_changed: WhenChanged = WhenChanged.ASK
    keep_succeeded: bool = True
    offset: tuple[float, ...] = (0.0, 0.0, 0.0)
    hides_original: bool = False
    inside: tuple[LiveRef, ...] = ()


@dataclass(frozen=True, slots=True)
class InputSocket:
    """An input: `value` is what it holds while nothing is linked.

    It is a `socket_types.Value`, with `LiveRef` for data-blocks. A required parameter with nothing set holds None.
    """

    parameter: Parameter
    value: Value = None

    @property
    def identifier(self) -> str:
        return self.parameter.identifier


@dataclass(frozen=True, slots=True)
class OutputSocket:
    """An output: `value` is what an Input node gives. The rest is as in `signature.Output`."""

    identifier: str
    label: str
    type: SocketType
    value: Value = None
    annotation: str = ""
    is_optional: bool = False


@dataclass(frozen=True, slots=True)
class GraphNode:
    """A node. `problems` are those that its reader met (no script, bad syntax).

    `id` is stable and unique in the graph; it and `name` are those of a `NodePath`. All nodes of all groups are in the
    one graph, once for each use of the group. A group node stands for its Group Input and Group Output nodes, too:
    links into the group start at one of its inputs, and links out of it end at one of its outputs. `operation` is what
    a list node does; the kinds of data that its inputs declare decide nothing: what is linked there does. `repeat` is
    how often a group node runs, None for once.
    """

    id: str
    name: str
    kind: NodeKind
    inputs: tuple[InputSocket, ...] = ()
    outputs: tuple[OutputSocket, ...] = ()
    is_muted: bool = False
    script: ScriptSource | None = None
    settings: NodeSettings = field(default_factory=NodeSettings)
    action: OutputAction | None = None
    problems: tuple[Problem, ...] = ()
    operation: ListOperation | None = None
    repeat: Repeat | None = None


@dataclass(frozen=True, slots=True)
class GraphLink:
    """A link between two sockets, by node id and socket identifier."""

    from_node: str
    from_socket: str
    to_node: str
    to_socket: str


@dataclass(frozen=True, slots=True)
class SceneSettings:
    """What a worker's scene takes over from the artist's: frame (fps = `fps` / `fps_base`) and units."""

    frame_current: int = 1
    frame_start: int = 1
    frame_end: int = 250
    fps: int = 24
    fps_base: float = 1.0
    unit_system: str = "METRIC"
    unit_scale_length: float = 1.0
    length_unit: str = "METERS"


@dataclass(frozen=True, slots=True)
class Graph:
    """A node tree at one moment. Links into the same input are in the order of that input's list.

    `files` are those that were open then; `home` is the scene that was shown, to which results are linked.
    """

    name: str
    nodes: tuple[GraphNode, ...]
    links: tuple[GraphLink, ...] = ()
    scene: SceneSettings = field(default_factory=SceneSettings)
    files: FilesInUse = field(default_factory=FilesInUse)
    home: LiveRef | None = None
