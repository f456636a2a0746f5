# SPDX-License-Identifier: GPL-3.0-or-later
"""What an artist reads for a name in code."""

from __future__ import annotations

import functools
import re

#: Words that are not written as others are, by how they are written in lower case.
_SPELLINGS = {
    "gltf": "glTF",
    "filepath": "File Path",
    **{
        word.lower(): word
        for word in (
            *("2D", "3D", "AO", "API", "BSDF", "CPU", "CSV", "DPI", "EXR", "FBX", "FK", "FPS", "GLB", "GPU", "HDR"),
            *("HDRI", "ID", "IK", "IOR", "JPEG", "JSON", "LOD", "NURBS", "OBJ", "PBR", "PLY", "PNG", "RGB", "RGBA"),
            *("RNA", "SDF", "SVG", "TIFF", "UDIM", "URL", "USD", "UV", "UVs", "VDB", "XML"),
        )
    },
}
#: A word and the number behind it: "lod2".
_PARTS = re.compile(r"(.*?)(\d*)")


@functools.lru_cache(maxsize=4096)  # drawing asks
def title_of(name: str) -> str:
    """The title of an identifier or a file name: "smart_uv_project" is "Smart UV Project", "lod2" is "LOD2".

    A word with capitals of its own stays as it is: "OpenEXR".
    """
    return " ".join(map(_word, name.replace("_", " ").split())) or name


def _word(word: str) -> str:
    parts = _PARTS.fullmatch(word)
    for text, rest in ((word, ""), parts.groups() if parts else ("", "")):
        if text.lower() in _SPELLINGS:
            return _SPELLINGS[text.lower()] + rest
    if word.isupper() or word.islower():
        return word[:1].upper() + word[1:].lower()
    return word
