# SPDX-License-Identifier: GPL-3.0-or-later
"""Run node trees on more than one machine, by Dask distributed.

    foreground  --pipe-->  bridge  --TLS-->  scheduler  --TLS-->  station  --pipes-->  background Blenders
    FarmEngine             Dask client       Dask's own           plugin of a Dask
                                                                  worker, with a pool

No Blender is in a process of Dask. The foreground starts the bridge (`bridge.py`), which is a Dask client, and speaks
with it over a pipe; a station (`station.py`) owns a pool of background Blenders, as a foreground does.

What a task reads and what it leaves goes by digest (`shelf.py`): a file is sent to a machine once, from another machine
that has it or from home. Results come home before their task is reported to have succeeded.

This is no part of the extension Background Nodes. All of it comes by pip. What a foreground needs is an extension, too,
Background Nodes Farm, of which this folder is the source: see `extension/`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..runtime.scratch.scratch import Scratch


def add_engine() -> None:
    """Let "dask://HOST:PORT" be chosen as an engine: the entry point of this package."""
    from .. import engines
    from ..runtime.blender import online_access
    from .address import Address
    from .engine import DESCRIPTION, LABEL, NAME, FarmEngine
    from .following import Following

    def make(address: str, scratch: Scratch) -> Following:
        online_access.check_typed(Address.parsed(address).host)
        return Following(FarmEngine.at(address, scratch))

    engines.add(NAME, make, label=LABEL, description=DESCRIPTION)


def register() -> None:
    """Blender enables the extension."""
    from . import extension

    extension.register()


def unregister() -> None:
    """Blender disables it."""
    from . import extension

    extension.unregister()
