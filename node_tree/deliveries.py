# SPDX-License-Identifier: GPL-3.0-or-later
"""What the deliveries of a run bring, and to which nodes and sockets."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import bpy

from ..runtime.engine.active_run import ActiveRun
from ..runtime.planning.graph import OutputMode
from ..runtime.planning.plan import Delivery
from ..runtime.planning.sources import Constant, Shown
from ..runtime.script.socket_types import LiveRef, StoredRef

#: The nodes of the tree, by their ids.
Nodes = Mapping[str, bpy.types.Node]


def stored_refs(run: ActiveRun, delivery: Delivery) -> Iterator[StoredRef]:
    """The data-blocks that come home with it."""
    for source in delivery.sources:
        if isinstance(source, Shown) and source.type.is_data_block:
            yield from run.results.source(source, run.tasks).refs()


def live_refs(source: Constant) -> list[LiveRef]:
    """The data-blocks of the open file that it names."""
    refs = source.value if isinstance(source.value, tuple) else (source.value,)
    return [ref for ref in refs if isinstance(ref, LiveRef)]


def mode_of(delivery: Delivery) -> OutputMode | None:
    return None if delivery.action is None else delivery.action.mode


def use_of(delivery: Delivery) -> str:
    """What an Output node does with the results of a delivery; "" if they are a node's own."""
    action = delivery.action
    if action is None:
        return ""
    sources = [
        list(source.place) if isinstance(source, Shown) else [ref.name for ref in live_refs(source)]
        for source in delivery.sources
    ]
    collection = None if action.collection is None else action.collection.name
    return repr((sources, collection, dataclasses.replace(action, collection=None)))


class Place(NamedTuple):
    """Where results are shown and noted.

    Attributes:
        node: a node of the tree.
        output: identifier of its output.
        socket: that output; None if the script was edited meanwhile and has none of that type.
    """

    node: bpy.types.Node
    output: str
    socket: bpy.types.NodeSocket | None


def place_of(source: Shown, nodes: Nodes) -> Place | None:
    """Where the results of a source are shown and noted; None if the node is gone.

    Results of a node in a group have no place but where they come out of the group.
    """
    uid, output = source.place
    node = nodes.get(uid)
    if node is None:
        return None
    found = next((socket for socket in node.outputs if socket.identifier == output), None)
    is_fit = hasattr(found, "socket_type") and found.socket_type.kind == source.type.kind
    return Place(node, output, found if is_fit else None)


def socket_of(source: Shown, nodes: Nodes) -> bpy.types.NodeSocket | None:
    """The output that shows the results of a source; None if it is gone, or is of another type now."""
    place = place_of(source, nodes)
    return None if place is None else place.socket
