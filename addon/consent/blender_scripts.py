# SPDX-License-Identifier: GPL-3.0-or-later
"""The scripts in the Blender that the gate lives in: what its texts hold and where they came from.

Blender tells of an import since 4.5. Before, a text that nobody has seen is taken for one that came with a library, if
the file knows any.
"""

from __future__ import annotations

import contextlib
import itertools
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import bpy

from ...node_tree import sources, text_modules
from ...node_tree.identity import background_trees
from ...runtime.errors import SignatureError
from ...runtime.keys import own_modules
from ...runtime.script.signature import ScriptSource
from .consent import own_path, resolved
from .origins import Origins

#: Whether Blender tells of an import. It does since 4.5.
TELLS_OF_IMPORTS = hasattr(bpy.app.handlers, "blend_import_post")
_LIBRARY = sources.LIBRARY.resolve()


class BlenderScripts:
    """The gate's `Host` (see `consent.py`) in a real Blender.

    Attributes:
        loading: the path of the file that is being opened, until our handler hears that it was: handlers of other
            add-ons may be called before.
    """

    def __init__(self) -> None:
        self.loading: str | None = None
        self._is_started = False
        self._runs_drivers: dict[bool, bool] = {}  # of the open file, by the preference

    def report_texts(self, origins: Origins) -> None:
        self.start(origins)
        nodes = list(script_nodes())
        scripts = {node.script.session_uid: node.script for node in nodes if node.script is not None}
        for text in text_modules.with_modules(scripts.values()):
            report(text, origins)
        _report_files(nodes, origins)

    def is_shipped(self, script: ScriptSource) -> bool:
        path = own_path(script)
        return path is not None and path.is_relative_to(_LIBRARY)

    def runs_scripts(self) -> bool:
        if not is_auto_run_wanted(sys.argv) or bpy.app.autoexec_fail:
            return False
        preference = bpy.context.preferences.filepaths.use_scripts_auto_execute
        if preference not in self._runs_drivers:
            self._runs_drivers[preference] = _runs_driver()
        return self._runs_drivers[preference]

    def open_file(self) -> str:
        return bpy.data.filepath

    # For the handlers

    def stop(self) -> None:
        """Nobody tells any more what comes into the open file."""
        self._is_started = False

    def start(self, origins: Origins) -> None:
        """Look at a file that was open before anybody looked, or that is just being opened."""
        if self.loading is not None:
            self.take_file(origins, self.loading)
        elif not self._is_started:
            self.take_file(origins, bpy.data.filepath)

    def take_file(self, origins: Origins, source: str) -> None:
        """A file was opened; `source` is its path, "" for the artist's own startup file."""
        self._is_started = True
        self._runs_drivers.clear()
        origins.forget_texts()
        if source:
            report_all_that_came(origins, source)
        else:
            report_all_unknown(origins)


def script_nodes() -> Iterator[bpy.types.Node]:
    for tree in background_trees():
        for node in tree.nodes:
            if node.bl_idname == "BackgroundNodeScript":
                yield node


def absolute(filepath: str) -> Path | None:
    """The file that a path of the open file leads to; None if that can't be known before it is saved."""
    if filepath.startswith("//") and not bpy.data.filepath:
        return None
    with contextlib.suppress(OSError, ValueError):
        return resolved(bpy.path.abspath(filepath))
    return None


# Texts


def report(text: bpy.types.Text, origins: Origins) -> None:
    """Tell what a text holds now."""
    digest = _digest(text)
    if digest is None:
        return
    if text.library is not None:
        origins.came(text.session_uid, digest, _library_path(text))
    elif source := _source_of_unknown(text, origins):
        origins.came(text.session_uid, digest, source)
    else:
        _report_own(text, digest, origins)


def _report_own(text: bpy.types.Text, digest: str, origins: Origins) -> None:
    """Tell what a text of the file holds. What somebody types is seen before it is saved (see `text_watch.py`)."""
    path = None if text.is_in_memory or text.is_dirty else absolute(text.filepath)
    if path is None:
        origins.saw(text.session_uid, digest)
        return
    if not origins.knows(text.session_uid) or origins.was_written_here(digest):
        origins.chose(path, may_run=False)  # the artist opened that file here, or saved the text there
    origins.saw(text.session_uid, digest, is_reloaded=not origins.is_own_file(path))


def report_all_unknown(origins: Origins) -> None:
    """All texts that nobody has seen yet were made here."""
    for text in bpy.data.texts:
        if not origins.knows(text.session_uid):
            report(text, origins)


def report_all_that_came(origins: Origins, source: str) -> None:
    """All texts that nobody has seen yet came with a file, and so did the nodes that name a file nobody chose."""
    for text in bpy.data.texts:
        digest = None if origins.knows(text.session_uid) else _digest(text)
        if digest is not None:
            origins.came(text.session_uid, digest, source if text.library is None else _library_path(text))
    _report_files(script_nodes(), origins)


def _report_files(nodes: Iterable[bpy.types.Node], origins: Origins) -> None:
    for filepath in {node.whole_filepath() for node in nodes if node.filepath}:
        if (path := absolute(filepath)) is not None:
            origins.named(path)


def report_made(text: bpy.types.Text, origins: Origins) -> None:
    """A text was made of what ships with Background Nodes."""
    digest = _digest(text)
    if digest is not None:
        origins.made(text.session_uid, digest)


def report_copy(text: bpy.types.Text, origins: Origins, source: str) -> None:
    """A text holds a copy of a script that may not run."""
    digest = _digest(text)
    if digest is not None:
        origins.came(text.session_uid, digest, source)


def report_as_text(text: bpy.types.Text, origins: Origins, source: str) -> None:
    """A text was made of what came as text, with nodes."""
    digest = _digest(text)
    if digest is not None:
        origins.came_as_text(text.session_uid, digest, source)


def report_file_as_text(filepath: str, origins: Origins) -> None:
    """A node that came as text names a file as its script."""
    if (path := absolute(filepath)) is not None:
        origins.named_elsewhere(path)


def _digest(text: bpy.types.Text) -> str | None:
    """Of a text that can be a script."""
    try:
        return own_modules.digest_of_text(sources.content(text))
    except SignatureError:
        return None


def _library_path(text: bpy.types.Text) -> str:
    return bpy.path.abspath(text.library.filepath)


def _source_of_unknown(text: bpy.types.Text, origins: Origins) -> str:
    """What a text came with that nobody has seen yet; "" if it was made here."""
    if origins.knows(text.session_uid):
        return ""
    path = None if text.is_in_memory else absolute(text.filepath)
    if path is not None and origins.is_own_file(path):
        return ""
    if path is not None and origins.is_named_file(path):
        return str(path)
    if not TELLS_OF_IMPORTS and len(bpy.data.libraries):
        return bpy.path.abspath(bpy.data.libraries[-1].filepath)
    return ""


# Blender's own auto run


def is_auto_run_wanted(arguments: Sequence[str]) -> bool:
    """Whether a Blender started with these arguments runs the Python code in the files that it opens."""
    is_on: bool = bpy.context.preferences.filepaths.use_scripts_auto_execute
    for argument in itertools.takewhile(lambda argument: argument not in {"-c", "--command"}, arguments):
        if argument in {"-y", "--enable-autoexec"}:
            is_on = True
        elif argument in {"-Y", "--disable-autoexec"}:
            is_on = False
    return is_on


def _runs_driver() -> bool:
    """Whether Blender runs the Python code of the open file's drivers.

    It does not say whether it trusts a file, whose path may be excluded, or which the artist may have opened with
    *Trusted Source* off. So it is given a driver to run, in a scene that is removed at once.
    """
    scene = bpy.data.scenes.new("Background Nodes")
    try:
        scene.audio_volume = 0.0
        scene.driver_add("audio_volume").driver.expression = "len(str(0))"  # `str` is refused to files not trusted
        scene.view_layers[0].update()
        runs: bool = scene.audio_volume > 0.0
    finally:
        bpy.data.scenes.remove(scene)
    if not runs and not bpy.app.background:
        bpy.ops.script.autoexec_warn_clear()  # nothing of the artist's was blocked
    return runs
