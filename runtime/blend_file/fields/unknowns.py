# SPDX-License-Identifier: GPL-3.0-or-later
"""What a data-block may depend on that no digest can tell, and how an artist is told so."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy

from ..rows import Rows, Test, owners_where

_DISK_CACHE, _EXTERNAL = 1 << 6, 1 << 9
#: Nodes that read the file whose path comes out of other nodes.
_IMPORTS = [f"GeometryNodeImport{form}".encode() for form in ("CSV", "OBJ", "PLY", "STL", "Text", "VDB")]

_IN_FILES = "its simulation is kept in files"
_BAKED = "its geometry nodes are baked to files"
_TESTS: Mapping[str, tuple[Test, str]] = {
    "FluidDomainSettings": (lambda rows: numpy.full(len(rows.owners), True), _IN_FILES),
    "NodesModifierBake": (lambda rows: rows.addresses("directory") != 0, _BAKED),
    "NodesModifierData": (lambda rows: rows.addresses("simulation_bake_directory") != 0, _BAKED),
    "OceanModifierData": (lambda rows: rows.numbers("cached") != 0, "its waves are baked to files"),
    "PointCache": (lambda rows: rows.numbers("flag") & (_DISK_CACHE | _EXTERNAL) != 0, _IN_FILES),
    "Strip": (lambda rows: rows.addresses("stripdata") != 0, "its video sequencer shows files"),
    "bNode": (lambda rows: numpy.isin(rows.strings("idname"), _IMPORTS), "a node of it imports a file"),
}


def unknowns(rows: Rows) -> Iterator[tuple[int, str]]:
    """The data-blocks that can't be digested because of some structs, with the reasons."""
    if rows.struct.name in _TESTS:
        test, reason = _TESTS[rows.struct.name]
        yield from ((owner, reason) for owner in owners_where(rows, test))
