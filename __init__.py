# SPDX-License-Identifier: GPL-3.0-or-later
"""Background Nodes: wire scripts into a node graph, press Run, and go on working while background Blenders do the job.

The public Python API:

    import background_nodes            # in Blender: the extension's package, bl_ext.user_default.background_nodes

    background_nodes.register()        # on the bpy wheel only; Blender does it itself
    run = background_nodes.run(bpy.data.node_groups["Levels of Detail"])
    run.state, run.tasks["Decimate"].error

Nothing here imports bpy before it is needed: workers and tools import this package too.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import bpy

    from .addon.jobs.job_manager import JobManager as JobManager
    from .addon.session.run import Run, RunEvent
    from .runtime.engine.forecast import Forecast as Forecast
    from .runtime.version import __version__ as __version__

#: Public names and the modules they live in; `from background_nodes import ...` finds them as it does `run`.
_LAZY = {
    "__version__": ".runtime.version",
    "Job": ".addon.jobs.job",
    "JobManager": ".addon.jobs.job_manager",
    "Batch": ".addon.jobs.batch",
    "JobRefusedError": ".addon.jobs.batch",
    "as_completed": ".addon.jobs.batch",
    "draw_job": ".addon.drawing.job_rows",
    "wait": ".addon.jobs.batch",
    "UnknownJobError": ".addon.jobs.job_manager",
    "Forecast": ".runtime.engine.forecast",
    "TaskForecast": ".runtime.engine.forecast",
    "Outlook": ".runtime.engine.forecast",
    "Run": ".addon.session.run",
    "RunEvent": ".addon.session.run",
    "RunState": ".runtime.scheduling.states",
    "TaskState": ".runtime.scheduling.states",
    "TaskError": ".runtime.scheduling.events",
    "Problem": ".runtime.errors",
    "BackgroundNodesError": ".runtime.errors",
    "CompileError": ".runtime.errors",
    "ConsentError": ".addon.consent.consent",
    "LaunchError": ".runtime.errors",
    "RunError": ".runtime.errors",
    "SignatureError": ".runtime.errors",
    "StoreError": ".runtime.errors",
}


def run(
    tree: bpy.types.NodeTree,
    *,
    until: str | Sequence[str] | None = None,
    force: bool = False,
    cache: bool = True,
    workers: int | None = None,
    timeout: float | None = None,
    allow_scripts: bool = False,
    on_event: Callable[[RunEvent], None] | None = None,
) -> Run:
    """Run a background node tree.

    Blocks until the results are home where there is no event loop (background mode, the bpy wheel); returns at once in
    a Blender with a window, where a timer drives the run.

    Args:
        tree: a node tree of the type BackgroundNodeTree.
        until: name or names of nodes: run only these and what they need; None for the whole tree.
        force: whether to run everything, in fresh background Blenders: idle ones that ran something are ended first.
        cache: whether results of earlier runs are used where nothing has changed, and new ones kept.
        workers: how many background Blenders may work for it at a time; None for what the preferences say.
        timeout: seconds for the whole run; None for no limit.
        allow_scripts: whether to run scripts that came with the file, though nobody has allowed them.
        on_event: called with a `RunEvent` for each change of a task, each note, and the end. What it raises is printed
            and noted in `Run.notes`; the run goes on.

    Returns:
        the run. A node that fails raises nothing: see `Run.state` and `Run.tasks`.

    Raises:
        CompileError: with every problem of the tree at once; nothing ran then. `ConsentError`, one of its kind, if all
            that is wrong is that scripts are not allowed to run.
        RunError: if the tree is of another type, or is running already.
        StoreError: if what the run reads can't be written to the temporary folder.
    """
    import bpy

    from .addon.session.current import session

    started = session.start(
        tree,
        until=until,
        force=force,
        cache=cache,
        workers=workers,
        timeout=timeout,
        allow_scripts=allow_scripts,
        on_event=on_event,
    )
    if bpy.app.background:
        try:
            started.wait()
        except BaseException:  # Ctrl-C: the run must not go on when its caller no longer waits
            started.cancel()
            raise
    return started


def forecast(
    tree: bpy.types.NodeTree,
    *,
    until: str | Sequence[str] | None = None,
    force: bool = False,
    cache: bool = True,
    workers: int | None = None,
    allow_scripts: bool = False,
) -> Forecast:
    """Tell what `run` would do with a background node tree: no script runs, and nothing is kept.

    Blocks until the content of the data-blocks and files that the tree reads is known.

    Args:
        tree: as for `run`.
        until: as for `run`.
        force: as for `run`.
        cache: as for `run`.
        workers: as for `run`; they decide how long it takes.
        allow_scripts: as for `run`.

    Returns:
        which nodes would run and why, which are cached, and which wait for others: these are cached unless what they
        take changes.

    Raises:
        CompileError, ConsentError, RunError, StoreError: as `run` does.
    """
    from .addon.session.current import session

    return session.forecast(tree, until=until, force=force, cache=cache, workers=workers, allow_scripts=allow_scripts)


def register() -> None:
    """Register the extension. Blender calls this; on the bpy wheel, call it yourself.

    In a background Blender with the artist's preferences, in which it is enabled, it does nothing.
    """
    if _is_in_worker():
        return
    import bpy

    from . import addon, cli, node_tree

    node_tree.register()
    addon.register()
    cli.register()
    if not bpy.app.binary_path:
        _free_blender_at_exit()


def unregister() -> None:
    """Unregister the extension: ends all runs and workers, and leaves nothing behind."""
    if _is_in_worker():
        return
    from . import addon, cli, node_tree

    cli.unregister()
    addon.unregister()
    node_tree.unregister()


def _is_in_worker() -> bool:
    """Whether this Blender is one of our own workers."""
    words = (word.replace("\\", "/") for word in (*sys.argv, *sys.orig_argv))
    return any(word.endswith("/runtime/worker/bootstrap.py") for word in words)


def _free_blender_at_exit() -> None:
    """Make the modules of the extension let go of `bpy` when Python ends.

    The wheels of 4.2 and 4.5 end Blender when nothing holds `bpy` any more, and crash or hang if something holds it to
    the end. Blender holds our classes, and so their modules' globals, with `bpy` among them: registered ones, and the
    class of a tree in the open file (on 4.2 of a collection's items, too) even after they are unregistered.

    As it ends, Python empties the globals of each module that is still there. A module that holds itself is.
    """
    for name, module in list(sys.modules.items()):
        if name.startswith(f"{__name__}."):
            vars(module)["_this_module"] = module


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_LAZY[name], __name__), name)
