# SPDX-License-Identifier: GPL-3.0-or-later
"""The kinds of data-blocks, by the two letters that a .blend file has for them."""

from __future__ import annotations

from collections.abc import Mapping

LIBRARY = "LI"
#: In the place of a data-block of another file, which is named in it. It follows the library that it is of.
LINKED = "ID"

_KINDS: Mapping[str, str] = {
    "AC": "Action",
    "AR": "Armature",
    "BR": "Brush",
    "CA": "Camera",
    "CF": "CacheFile",
    "CU": "Curve",
    "CV": "Curves",
    "GD": "Annotation",
    "GP": "GreasePencil",
    "GR": "Collection",
    "IM": "Image",
    "LA": "Light",
    "LP": "LightProbe",
    "LS": "FreestyleLineStyle",
    "LT": "Lattice",
    "MA": "Material",
    "MB": "MetaBall",
    "MC": "MovieClip",
    "ME": "Mesh",
    "MS": "Mask",
    "NT": "NodeTree",
    "OB": "Object",
    "PA": "ParticleSettings",
    "PC": "PaintCurve",
    "PL": "Palette",
    "PT": "PointCloud",
    "SC": "Scene",
    "SK": "Speaker",
    "SO": "Sound",
    "TE": "Texture",
    "TX": "Text",
    "VF": "VectorFont",
    "VO": "Volume",
    "WO": "World",
}
#: Before 5.0.
_OLD_KINDS: Mapping[str, str] = {"GD": "GreasePencil", "GP": "GreasePencilv3"}
#: Data-blocks that are parts of others, or of the window.
_PARTS = frozenset({"IP", "KE", LIBRARY, "SR", "WM", "WS"})
#: All that are carried on their own.
CODES = tuple(_KINDS)


def is_known(code: str) -> bool:
    """Whether a data-block of that kind can be read."""
    return code in _KINDS or code in _PARTS or code == LINKED


def kind_of(code: str, version: int) -> str:
    """The kind as Blender's Python names it; "" for what is not carried on its own."""
    return (_OLD_KINDS.get(code) if version < 500 else None) or _KINDS.get(code, "")
