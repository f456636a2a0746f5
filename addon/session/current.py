# SPDX-License-Identifier: GPL-3.0-or-later
"""The one session of this Blender: its runs and jobs."""

from __future__ import annotations

import atexit

import bpy

from ...node_tree import noted_results
from ...node_tree.sockets import set_result_fetcher
from ...runtime.blender.edits import edits
from ...runtime.errors import RunError
from ...runtime.planning.graph import OutputAction
from . import interruptions
from .blender_host import BlenderHost
from .keeper import Session
from .run import NOT_KEPT, Run

session = Session(BlenderHost())


def fetch_result(socket: bpy.types.NodeSocket, action: OutputAction | None = None) -> None:
    """Bring what a run offers for an output home; with an action, as an Output node does.

    Raises:
        RunError: if it is not kept any more, or must wait.
        StoreError: if it can't be read.
    """
    offering_run(socket).fetch_output(socket.node.uid, socket.identifier, action)


def offering_run(socket: bpy.types.NodeSocket) -> Run:
    """The run that offers a result for an output. Raises RunError if that is not kept any more."""
    runs = (run for run in session.history if run.number == socket.offered_by)
    run = next((run for run in runs if run.tree_uid == socket.id_data.session_uid), None)
    if run is None:
        raise RunError(NOT_KEPT)
    return run


def bring_back(socket: bpy.types.NodeSocket) -> Run | None:
    """Bring deleted results of an output home once more.

    Returns:
        None if a run of this session had them; else a run that takes them from the store, if they are there.

    Raises:
        CompileError: with every problem of the tree.
        RunError: if nothing is kept, or they must wait.
        StoreError: if they can't be read.
    """
    node, output = socket.node, socket.identifier
    tree, contents = node.id_data, noted_results.contents(node, output)
    for run in reversed(session.history):
        if run.tree_uid == tree.session_uid and run.gave(node.uid, output, contents):
            run.bring_back(node.uid, output)
            return None
    return session.start(tree, brings_back=(node.uid, output))


def register() -> None:
    session.open()
    atexit.register(session.close)
    atexit.register(edits.stop)
    set_result_fetcher(fetch_result)
    interruptions.connect(session)


def unregister() -> None:
    session.finish_homecomings()
    interruptions.connect(None)
    set_result_fetcher(None)
    atexit.unregister(edits.stop)
    edits.stop()
    atexit.unregister(session.close)
    session.close()
