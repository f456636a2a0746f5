# SPDX-License-Identifier: GPL-3.0-or-later
"""What the deliveries of a run bring, and to which nodes and sockets."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping

import bpy

from ..runtime.engine.active_run import ActiveRun
from ..runtime.planning.graph import OutputMode
from ..runtime.planning.plan import Delivery
from ..runtime.planning.sources import Constant, FromTask
from ..runtime.script.socket_types import LiveRef, StoredRef

#: The nodes of the tree, by their ids.
Nodes = Mapping[str, bpy.types.Node]


def stored_refs(run: ActiveRun, delivery: Delivery) -> Iterator[StoredRef]:
    """The data-blocks that come home with it."""
    for source in delivery.sources:
        if isinstance(source, FromTask) and source.type.is_data_block:
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
        [source.task, source.output] if isinstance(source, FromTask) else [ref.name for ref in live_refs(source)]
        for source in delivery.sources
    ]
    collection = None if action.collection is None else action.collection.name
    return repr((sources, collection, dataclasses.replace(action, collection=None)))


def socket_of(node: bpy.types.Node | None, source: FromTask) -> bpy.types.NodeSocket | None:
    """The output that a result belongs to; None if the script was edited meanwhile and has none of that type."""
    sockets = () if node is None else node.outputs
    found = next((socket for socket in sockets if socket.identifier == source.output), None)
    return found if found is not None and found.socket_type.kind == source.type.kind else None
