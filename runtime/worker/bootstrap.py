# SPDX-License-Identifier: GPL-3.0-or-later
"""Started by the launcher in a fresh Blender (or the wheel's Python): makes `background_nodes` importable and works.

... bootstrap.py -- FOREGROUND_PID CHANNEL_HANDLE LIMITS... CYCLES_DEVICES KIND PLACES IS_ONLINE SCRATCH
"""

import ctypes
import importlib.util
import json
import os
import signal
import sys
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]
#: Kept here because a script may replace it.
_exit = os._exit
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36


def _die_with(foreground: int) -> None:
    """On Linux the kernel ends this process with its foreground, even while C code keeps Python from running.

    Elsewhere the end of the channel tells, as soon as Python runs.
    """
    if sys.platform == "linux":
        library = ctypes.CDLL(None)
        library.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        library.prctl(_PR_SET_CHILD_SUBREAPER, 1)  # what a script started is seen, even if its own parent has ended
        if os.getppid() != foreground:
            os._exit(0)


def alias_package() -> None:
    """Let scripts import `background_nodes`, whatever the extension is called in the foreground."""
    spec = importlib.util.spec_from_file_location(
        "background_nodes", _ROOT / "__init__.py", submodule_search_locations=[str(_ROOT)]
    )
    assert spec is not None
    assert spec.loader is not None
    package = importlib.util.module_from_spec(spec)
    sys.modules["background_nodes"] = package
    spec.loader.exec_module(package)


def _main(
    foreground: str,
    handle: str,
    idle_seconds: str,
    max_tasks: str,
    max_memory: str,
    max_kept: str,
    devices: str,
    kind: str,
    places: str,
    is_online: str,
    scratch: str,
) -> None:
    _die_with(int(foreground))
    alias_package()
    from background_nodes.runtime import wire
    from background_nodes.runtime.blender import cycles_devices
    from background_nodes.runtime.engine.messages import WorkerKind
    from background_nodes.runtime.engine.workers import AddonPlaces, CyclesDevices, WorkerLimits
    from background_nodes.runtime.pool.transport import Channel
    from background_nodes.runtime.scratch.scratch import ScratchFolder
    from background_nodes.runtime.worker.outfit import Outfit
    from background_nodes.runtime.worker.worker import Worker

    # Node scripts must not see the folder and the arguments of this script.
    sys.path[:] = [path for path in sys.path if Path(path or ".").resolve() != Path(__file__).parent]
    sys.argv[:] = sys.argv[:1]
    found = wire.decode(AddonPlaces, json.loads(places))
    outfit = Outfit(wire.decode(WorkerKind, json.loads(kind)), found, is_online=is_online == "1")
    outfit.use_preferences()
    cycles_devices.choose(CyclesDevices.from_argument(devices))
    channel, folder = Channel.inherited(int(handle)), ScratchFolder(Path(scratch))
    limits = WorkerLimits(float(idle_seconds), int(max_tasks), int(max_memory), int(max_kept))
    Worker(channel, folder, outfit, limits).run()


if __name__ == "__main__":
    try:
        _main(*sys.argv[sys.argv.index("--") + 1 :])
    except BaseException:
        try:
            import traceback

            traceback.print_exc()
            sys.stderr.flush()
        finally:  # a script may have taken `len` out of Python; and in a regular exit 4.5 hangs for ever
            _exit(1)
