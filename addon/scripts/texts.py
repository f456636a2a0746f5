# SPDX-License-Identifier: GPL-3.0-or-later
"""The texts that scripts are read and written in: of the template, of a file, of a shipped script, of a node's own."""

from __future__ import annotations

from pathlib import Path

import bpy

from ...node_tree import sources
from ...node_tree.script_node import BackgroundNodeScript
from ...runtime.script import script_files
from ...runtime.script.wording import title_of
from ..consent import current as consent
from . import text_editors

_TEMPLATES = Path(__file__).parent / "templates"
_NEW_NAME = "Script"
#: The property of a text that is there for reading: the name of the shipped script in it.
_LIBRARY_SCRIPT = "background_nodes_library_script"


def new(*, is_without_main: bool = False) -> bpy.types.Text:
    """A text with a script to begin with, with a `main` or without."""
    template = "new_script_without_main.py" if is_without_main else "new_script.py"
    text = _new(_NEW_NAME, (_TEMPLATES / template).read_text(encoding="utf-8"))
    consent.made(text)
    return text


def of_node(node: BackgroundNodeScript) -> bpy.types.Text | None:
    """The text to read or write a node's script in, None if it has no script. Raises SignatureError or RuntimeError."""
    if node.script is not None:
        return node.script
    if node.filepath:
        return of_file(node.filepath)
    return of_library(node.library_script) if node.library_script else None


def of_file(filepath: str) -> bpy.types.Text:
    """The text of a file, read anew if the file has changed and the text has not.

    Raises:
        SignatureError: if the file can't be a script.
        RuntimeError: if it can't be read.
    """
    path = absolute(filepath)
    script_files.check(path)
    text = find(path)
    if text is None:
        text = bpy.data.texts.load(str(path))
        consent.opened(sources.from_file(filepath), text)
        return text
    return reload(text) if text.is_modified and not text.is_dirty else text


def find(path: Path) -> bpy.types.Text | None:
    """The text that was opened from a file."""
    return next((text for text in bpy.data.texts if text.filepath and absolute(text.filepath, text) == path), None)


def reload(text: bpy.types.Text) -> bpy.types.Text:
    """The text of the same file, read anew. Raises RuntimeError."""
    shown = text_editors.find(text)
    if shown is None or bpy.app.background:  # Blender's own operator would crash
        return _load_instead(text)
    window, area = shown
    with bpy.context.temp_override(window=window, area=area):
        bpy.ops.text.reload()
    return text


def _load_instead(text: bpy.types.Text) -> bpy.types.Text:
    """Another text of the same file in a text's place."""
    new = bpy.data.texts.load(str(absolute(text.filepath, text)))
    name = text.name
    text.user_remap(new)
    bpy.data.texts.remove(text)
    new.name = name
    return new


def absolute(filepath: str, owner: bpy.types.ID | None = None) -> Path:
    return Path(bpy.path.abspath(filepath, library=None if owner is None else owner.library))


def of_library(name: str) -> bpy.types.Text:
    """A copy of a shipped script, for reading: it is saved in no file, and nothing runs it. Raises SignatureError."""
    source = sources.from_library(name)
    text = next((text for text in bpy.data.texts if library_script(text) == name), None)
    if text is None:
        text = bpy.data.texts.new(name.rpartition("/")[2] + ".py")
        text[_LIBRARY_SCRIPT] = name
        text.is_runtime_data = True
    text.from_string(source.text)
    text.cursor_set(0)
    return text


def library_script(text: bpy.types.Text) -> str:
    """The name of the shipped script that a text is there to be read for, "" for any other text."""
    return text.get(_LIBRARY_SCRIPT, "")


def make_local(node: BackgroundNodeScript) -> bpy.types.Text:
    """Give a node of a file or of a shipped script a text of its own with the same script. Raises SignatureError."""
    source = node.source()
    text = _new(title_of(Path(source.filename).stem), source.text)
    consent.copied(source, text)
    node.script = text
    return text


def _new(name: str, content: str) -> bpy.types.Text:
    text = bpy.data.texts.new(name)
    consent.look_at(text)  # it is empty: what is in it next is written here
    text.from_string(content)
    text.cursor_set(0)
    return text
