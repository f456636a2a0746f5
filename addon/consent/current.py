# SPDX-License-Identifier: GPL-3.0-or-later
"""The one gate of this Blender, and the handlers that tell it what comes into the open file."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bpy

from ...node_tree import chosen_files, foreign_scripts, sources
from ...runtime.errors import SignatureError
from ...runtime.script.signature import ScriptSource
from . import blender_scripts
from .blender_scripts import BlenderScripts
from .consent import Consent
from .trusted_scripts import TrustedScripts

_PACKAGE = __package__.rpartition(".addon")[0]


def user_folder(name: str) -> Path:
    """A folder in what Blender keeps for an extension of this user; without one (the bpy wheel), in their settings."""
    if _PACKAGE.startswith("bl_ext."):
        return Path(bpy.utils.extension_path_user(_PACKAGE), name)
    return Path(bpy.utils.user_resource("CONFIG"), "background_nodes", name)


_host = BlenderScripts()
consent = Consent(_host, TrustedScripts(lambda: user_folder("trusted_scripts")))


def look_at(text: bpy.types.Text) -> None:
    """A Text Editor shows a text: somebody may have typed."""
    _host.start(consent.origins)
    blender_scripts.report(text, consent.origins)


def opened(script: ScriptSource, text: bpy.types.Text) -> None:
    """A text was made of a file, to be edited and saved to it."""
    if consent.is_own(script):
        consent.choose_file(script)
    copied(script, text)


def made(text: bpy.types.Text) -> None:
    """A text was made of what ships with Background Nodes."""
    blender_scripts.report_made(text, consent.origins)


def copied(script: ScriptSource, text: bpy.types.Text) -> None:
    """A text was made of a script: it is as foreign as that is."""
    if _host.is_shipped(script):
        made(text)
    elif not consent.may_run(script):
        quoted(text, script.filename)


def quoted(text: bpy.types.Text, source: str) -> None:
    """A text shows what may not run: to show it allows nothing."""
    blender_scripts.report_copy(text, consent.origins, source)


class _OfText:
    """Hears of scripts that came as text, with nodes that somebody else may have written."""

    def text_came(self, text: bpy.types.Text, source: str) -> None:
        _host.start(consent.origins)
        blender_scripts.report_as_text(text, consent.origins, source)

    def file_came(self, filepath: str) -> None:
        _host.start(consent.origins)
        blender_scripts.report_file_as_text(filepath, consent.origins)


_of_text = _OfText()


def file_chosen(filepath: str) -> None:
    """The artist chose a file as a node's script, or opens it in another program to edit it."""
    with contextlib.suppress(SignatureError):  # there is no such script yet
        consent.choose_file(sources.from_file(filepath))


@bpy.app.handlers.persistent
def _before_load(filepath: str, *_arguments: object) -> None:
    _host.loading = filepath


@bpy.app.handlers.persistent
def _after_load(filepath: str, *_arguments: object) -> None:
    _host.loading = None
    _host.take_file(consent.origins, filepath)


@bpy.app.handlers.persistent
def _after_failed_load(*_arguments: object) -> None:
    _host.loading = None


@bpy.app.handlers.persistent
def _look_at_unknown(*_arguments: object) -> None:
    """What is there before an import does not come with it."""
    _host.start(consent.origins)
    blender_scripts.report_all_unknown(consent.origins)


@bpy.app.handlers.persistent
def _after_import(context: Any, *_arguments: object) -> None:
    libraries = [item.source_library for item in context.import_items if item.source_library is not None]
    source = bpy.path.abspath(libraries[0].filepath) if libraries else ""
    blender_scripts.report_all_that_came(consent.origins, source)


@bpy.app.handlers.persistent
def _after_save(*_arguments: object) -> None:
    if not bpy.app.background:  # nobody wrote it by hand
        _host.report_texts(consent.origins)
        consent.keep_own(_sources())


def _sources() -> Iterator[ScriptSource]:
    for node in blender_scripts.script_nodes():
        with contextlib.suppress(SignatureError):
            source = node.source()
            if source is not None:
                yield source


@bpy.app.handlers.persistent
def _after_change(*_arguments: object) -> None:
    """Where nobody tells of an import, look at new texts before the library they came with is gone."""
    if len(bpy.data.texts) != _num_texts[0]:
        _num_texts[0] = len(bpy.data.texts)
        _look_at_unknown()


_num_texts = [0]
_HANDLERS = [
    (bpy.app.handlers.load_pre, _before_load),
    (bpy.app.handlers.load_post_fail, _after_failed_load),
    (bpy.app.handlers.load_post, _after_load),
    (bpy.app.handlers.save_post, _after_save),
]
if blender_scripts.TELLS_OF_IMPORTS:
    _HANDLERS += [
        (bpy.app.handlers.blend_import_pre, _look_at_unknown),
        (bpy.app.handlers.blend_import_post, _after_import),
    ]
else:
    _HANDLERS.append((bpy.app.handlers.depsgraph_update_post, _after_change))


def _start() -> None:
    _host.start(consent.origins)


def register() -> None:
    chosen_files.listen(file_chosen)
    foreign_scripts.listen(_of_text)
    for functions, function in _HANDLERS:
        functions.append(function)
    if hasattr(bpy.data, "texts"):
        _start()
    elif not bpy.app.background:  # an add-on that is being enabled may not look at the file
        bpy.app.timers.register(_start, first_interval=0.0)


def unregister() -> None:
    if bpy.app.timers.is_registered(_start):
        bpy.app.timers.unregister(_start)
    for functions, function in _HANDLERS:
        functions.remove(function)
    foreign_scripts.stop_listening(_of_text)
    chosen_files.stop_listening(file_chosen)
    _host.stop()
