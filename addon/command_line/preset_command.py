# SPDX-License-Identifier: GPL-3.0-or-later
"""The command `presets`, as far as it needs a Blender: saving and using presets, and writing them as text."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import bpy

from ...node_tree import lookup
from ...node_tree.lookup import InputError
from ...runtime.errors import BackgroundNodesError, PresetError
from ...runtime.presets import dump_folder, trust_list
from ...runtime.presets.library import PresetLibrary, picture_of
from ...runtime.presets.preset import Kind, Preset
from ..presets import saving, updating, using
from ..presets.libraries import libraries
from ..presets.saving import Details
from ..presets.subject import Subject, subject_of
from . import command, preset_files
from .preset_files import EXIT_BAD_INPUT, EXIT_FAILED, NoPresetError, Report


def carry_out(options: argparse.Namespace) -> tuple[int, str]:
    """Do what the options ask for. Returns the exit code, and the text for standard output: the report."""
    report = Report()
    try:
        Path(options.library).mkdir(parents=True, exist_ok=True)
        libraries.use_only(preset_files.read_library(options.library))
        _ACTIONS[options.action](options, report)
    except (NoPresetError, InputError) as error:
        report.notes.append(str(error))
        report.exit_code = EXIT_BAD_INPUT
    except BackgroundNodesError as error:
        report.notes.append(str(error))
        report.exit_code = EXIT_FAILED
    except OSError as error:
        report.notes.append(f"{options.library} can't be made: {error.strerror}")
        report.exit_code = EXIT_BAD_INPUT
    finally:
        libraries.use_only(None)
    return preset_files.finished(report, options)


def _library() -> PresetLibrary:
    (library,) = libraries.all()
    return library


def _save(options: argparse.Namespace, report: Report) -> None:
    command.open_file(options.file)
    tree = lookup.tree(options.tree)
    subject = _subject(tree, options)
    known = saving.suggested(subject)
    said = {name: getattr(options, name) for name in ("name", "description", "author", "licence", "change", "catalog")}
    given = {name: value for name, value in said.items() if value is not None}
    of = preset_files.find(_library(), options.of).uuid if options.of else ""
    fields = {name: getattr(known, name) for name in Details.__dataclass_fields__}
    fields |= {"uuid": of, "tags": tuple(options.tags) or known.tags, "renamed": tuple(options.renamed), **given}
    report.add_findings(saving.check(subject))
    preset = saving.save(subject, Details(**fields), str(_library().folder))
    _tell(preset, report)


def _subject(tree: bpy.types.NodeTree, options: argparse.Namespace) -> Subject:
    if options.node is not None:
        return subject_of(lookup.node(tree, options.node, f"--node {options.node}"), only_values=options.values)
    if options.values:
        raise NoPresetError("--values goes with --node", "Name the node")
    return Subject(Kind.TREE, tree)


def _tell(preset: Preset, report: Report) -> None:
    report.fields["preset"] = preset_files.record(preset)
    report.lines.append(f'"{preset.name}" v{preset.version}: {preset.file}')


def _use(options: argparse.Namespace, report: Report) -> None:
    command.open_file(options.file)
    output = command.checked_output(options)
    preset = preset_files.find(_library(), options.preset, options.version)
    for finding in using.needs(preset):
        report.notes.append(f"{finding.message}. {finding.fix}.")
    if preset.kind is Kind.VALUES:
        tree = lookup.tree(options.tree)
        if options.node is None:
            raise NoPresetError(f'"{preset.name}" is a set of values', "Name the node that gets them with --node")
        used = using.apply_values(preset, lookup.node(tree, options.node, f"--node {options.node}"))
        if used.left:
            report.notes.append(
                f"The node {options.node} has no such inputs, so they are not set: {', '.join(used.left)}."
            )
    elif preset.kind is Kind.TREE and options.tree is None:
        using.use_tree(preset)
    else:
        using.use(preset, lookup.tree(options.tree))
    report.lines.append(command.save(output))
    report.fields |= {"preset": preset_files.record(preset), "output": str(output)}


def _outdated(options: argparse.Namespace, report: Report) -> None:
    command.open_file(options.file)
    found = updating.outdated()
    told = []
    for each in found:
        changes = updating.changes(each)
        sockets = list(map(str, changes.sockets))
        scripts = [line for lines in changes.scripts.values() for line in lines]
        report.lines.append(
            f'{each.name}: v{each.note.version} of "{each.note.name}", and there is v{each.newest.version}'
        )
        report.lines += [f"  {line}" for line in (*changes.lines, *sockets, *scripts)]
        told.append(
            {
                "name": each.name,
                "preset": each.note.uuid,
                "version": each.note.version,
                "newest": each.newest.version,
                "changes": list(changes.lines),
                "sockets": sockets,
                "scripts": {name: list(lines) for name, lines in changes.scripts.items()},
            }
        )
    report.fields["outdated"] = told
    report.add_findings(updating.missing())
    report.exit_code = EXIT_FAILED if found else report.exit_code


def _dump(options: argparse.Namespace, report: Report) -> None:
    preset = preset_files.find(_library(), options.preset, options.version)
    folder = Path(options.output).absolute()
    dump_folder.write(folder, preset, using.data_of(preset), picture_of(preset))
    report.lines.append(str(folder))
    report.fields |= {"preset": preset_files.record(preset), "output": str(folder)}


def _build(options: argparse.Namespace, report: Report) -> None:
    preset, data, picture = dump_folder.read(Path(options.folder).absolute())
    library = _library()
    known = library.find(preset.uuid, preset.version)
    built = saving.rebuilt(preset, data)
    if known is not None and _said(known) == _said(built):
        report.notes.append(f'version {known.version} of "{known.name}" is in the library already')
        _tell(known, report)
        return
    if known is not None:
        message = f'the library has another version {known.version} of "{known.name}", which is never changed'
        raise PresetError(message, f"Raise the version in {dump_folder.PRESET_FILE}")
    _tell(saving.write(data, built, str(library.folder), picture), report)


def _said(preset: Preset) -> dict[str, Any]:
    """What is the same of a preset whichever Blender builds it, and wherever its library has it."""
    return {name: value for name, value in preset_files.record(preset).items() if name not in _OF_LIBRARY}


_OF_LIBRARY: Final = frozenset({"blender", "needs_blender", "catalog", "catalog_id", "file"})


def _trust(options: argparse.Namespace, report: Report) -> None:
    library = _library()
    known = trust_list.read(library.folder)
    scripts = {} if known is None else dict(known.scripts)
    for said in options.presets:
        preset = preset_files.find(library, said)
        using.data_of(preset)  # its scripts are those that it says it has
        scripts |= dict.fromkeys(preset.script_digests, f"{preset.name} v{preset.version}")
    name = options.name or (known.name if known is not None else "")
    written = trust_list.write(library.folder, name, scripts)
    report.fields |= {"scripts": dict(written.scripts), "digest": written.digest}
    report.lines.append(f"{len(written.scripts)} scripts: {library.folder / trust_list.FILE_NAME}")


_ACTIONS: Final[dict[str, Callable[[argparse.Namespace, Report], None]]] = {
    "save": _save,
    "use": _use,
    "outdated": _outdated,
    "dump": _dump,
    "build": _build,
    "trust": _trust,
}
