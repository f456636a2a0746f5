# SPDX-License-Identifier: GPL-3.0-or-later
"""What an artist reads for a name in code."""

from __future__ import annotations

import functools
import re

from .socket_types import ANY_DATA_BLOCK, SocketType

#: Words that are not written as others are, by how they are written in lower case.
_SPELLINGS = {
    "gltf": "glTF",
    "filepath": "File Path",
    **{
        word.lower(): word
        for word in (
            *("2D", "3D", "AO", "API", "BSDF", "CPU", "CSV", "DPI", "EXR", "FBX", "FK", "FPS", "GLB", "GPU", "HDR"),
            *("HDRI", "ID", "IK", "IOR", "JPEG", "JSON", "LOD", "LODs", "NURBS", "OBJ", "ORM", "PBR", "PLY", "PNG"),
            *("RGB", "RGBA", "RNA", "SDF", "STL", "SVG", "TIFF", "UDIM", "URL", "USD", "UV", "UVs", "VDB", "XML"),
        )
    },
}
#: Words that are written as one, with a hyphen.
_HYPHENATED = {"N Gon": "N-Gon", "N Gons": "N-Gons", "Non Color": "Non-Color"}
#: Words that are small in a title, unless they begin or end it.
_SMALL = frozenset(["a", "an", "and", "as", "at", "by", "for", "from", "in", "of", "on", "or", "the", "to", "with"])
#: A word and the number behind it: "lod2".
_PARTS = re.compile(r"(.*?)(\d*)")
#: Where a word of the name of a type in Blender's Python begins: "MovieClip".
_BETWEEN_WORDS = re.compile(r"(?<=[a-z])(?=[A-Z])")


@functools.lru_cache(maxsize=4096)  # drawing asks
def title_of(name: str) -> str:
    """The title of an identifier or a file name: "smart_uv_project" is "Smart UV Project", "lod2" is "LOD2".

    A word with capitals of its own stays as it is: "OpenEXR". Small words are small: "Move to Origin".
    """
    words = name.replace("_", " ").split()
    within = range(1, len(words) - 1)
    titled = (word if index in within and word in _SMALL else _word(word) for index, word in enumerate(words))
    title = " ".join(titled)
    return _HYPHENATED.get(title, title) or name


def _word(word: str) -> str:
    parts = _PARTS.fullmatch(word)
    for text, rest in ((word, ""), parts.groups() if parts else ("", "")):
        if text.lower() in _SPELLINGS:
            return _SPELLINGS[text.lower()] + rest
    if word.isupper() or word.islower():
        return word[:1].upper() + word[1:].lower()
    return word


def title_of_result(socket_type: SocketType) -> str:
    """What a single output without a name is called: "Image" or "Data-Blocks", as Blender does; "Result" for values."""
    if not socket_type.is_data_block and socket_type.kind != "PATH":
        return "Result"
    words = {"PATH": "File Path", ANY_DATA_BLOCK: "Data-Block", "NodeTree": "Node Group", "MetaBall": "Metaball"}
    title = words.get(socket_type.kind) or _BETWEEN_WORDS.sub(" ", socket_type.kind)
    return _plural(title) if socket_type.is_list else title


def _plural(word: str) -> str:
    if word.endswith(("sh", "ch", "x")):
        return word + "es"
    if word.endswith("y") and word[-2] not in "aeiou":
        return word[:-1] + "ies"
    return word if word.endswith("s") else word + "s"
