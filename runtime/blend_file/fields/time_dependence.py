# SPDX-License-Identifier: GPL-3.0-or-later
"""What makes a data-block look different at another frame. In doubt, it does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy

from ..rows import Rows, Test, owners_where

#: Nodes that know the frame, or what was at an earlier one.
_NODES = frozenset(
    {
        b"CompositorNodeSceneTime",
        b"CompositorNodeTime",
        b"GeometryNodeBake",
        b"GeometryNodeInputSceneTime",
        b"GeometryNodeSimulationInput",
        b"GeometryNodeSimulationOutput",
        b"ShaderNodeScript",
        b"TextureNodeCurveTime",
    }
)
#: Structs that are there only where time matters: animation, simulation, what is read from a film.
_STRUCTS = frozenset(
    {
        "AnimData",
        "BuildModifierData",
        "CacheFile",
        "ClothModifierData",
        "DynamicPaintModifierData",
        "ExplodeModifierData",
        "FluidModifierData",
        "GreasePencil",
        "Mask",
        "MeshCacheModifierData",
        "MeshSeqCacheModifierData",
        "MovieClip",
        "OceanModifierData",
        "ParticleInstanceModifierData",
        "ParticleSystem",
        "PointCache",
        "RigidBodyCon",
        "RigidBodyOb",
        "RigidBodyWorld",
        "Sequence",
        "SoftBody",
        "WaveModifierData",
        "bCameraSolverConstraint",
        "bFollowTrackConstraint",
        "bGPdata",
        "bItasc",
        "bObjectSolverConstraint",
        "bTransformCacheConstraint",
    }
)


def _is_sequence(rows: Rows) -> numpy.ndarray:
    is_sequence: numpy.ndarray = rows.numbers("is_sequence") != 0
    return is_sequence


#: Structs that may be.
_TESTS: Mapping[str, Test] = {
    "Image": lambda rows: numpy.isin(rows.numbers("source"), (2, 3)),  # a sequence, a movie
    "NodeShaderAttribute": lambda rows: rows.numbers("type") == 3,  # of the scene or view layer: the frame is one
    "TimeMarker": lambda rows: rows.addresses("camera") != 0,
    "Volume": _is_sequence,
    "bNode": lambda rows: numpy.isin(rows.strings("idname"), list(_NODES)),
}


def owners_timed(rows: Rows) -> Iterator[int]:
    """The data-blocks that some structs make look different at another frame."""
    if rows.struct.name in _STRUCTS:
        yield from map(int, numpy.unique(rows.owners))
    elif rows.struct.name in _TESTS:
        yield from owners_where(rows, _TESTS[rows.struct.name])
