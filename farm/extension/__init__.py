# SPDX-License-Identifier: GPL-3.0-or-later
"""The extension Background Nodes Farm: it adds the engine "dask" to Background Nodes, and shows what the farm does.

It has no Dask in it. The Python that the artist names runs the bridge; that has Background Nodes and Dask by pip.
"""

from __future__ import annotations

from . import attaching, detached, preferences, submitting, watch


def register() -> None:
    preferences.register()
    attaching.register()
    submitting.register()
    detached.register()


def unregister() -> None:
    watch.end()
    detached.unregister()
    submitting.unregister()
    attaching.unregister()
    preferences.unregister()
