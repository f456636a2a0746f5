# SPDX-License-Identifier: GPL-3.0-or-later
"""What the command line does with a file: open it, set inputs, run a tree, save the result, and report.

options -> open (a .blend file, or a tree as text) -> lookup, assignments -> session -> report -> (exit code, text)
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import os
import sys
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import bpy

from ...node_tree import lookup
from ...node_tree.identity import background_trees
from ...node_tree.lookup import InputError, InputProblem
from ...runtime.blender.paths import files_in_use
from ...runtime.engine.kinds import engine_kinds
from ...runtime.errors import BackgroundNodesError, BuildError, CompileError, EngineError, MisfitError, Problem
from ...runtime.planning import destinations
from ...runtime.planning.graph import OutputAction, OutputMode
from ...runtime.scheduling.states import RunState
from ...runtime.text_form.files import file_of, is_text_of_tree
from ..consent.blender_scripts import is_auto_run_wanted
from ..consent.consent import ConsentError
from ..session.current import session
from ..session.run import Run
from .assignments import assign
from .forecast_report import ForecastReport
from .publishing import Publisher, published
from .report import Listing, Report
from .terminal import View, make_view
from .terminal_text import harmless
from .text_files import make_tree

#: Seconds between two looks at whether the command was interrupted.
_INTERVAL = 0.1
#: Seconds that keeping the last results may take.
_KEEPING_TIMEOUT = 20.0

#: What a command reports.
Content = Report | Listing | ForecastReport


class Opened(NamedTuple):
    """What was opened.

    Attributes:
        path: of the file.
        tree: the tree of a file of text; None for a .blend file.
    """

    path: str
    tree: bpy.types.NodeTree | None = None

    @property
    def home(self) -> Path | None:
        """What `//` stands for, if that is not the folder of the open .blend file."""
        return None if self.tree is None else file_of(Path(self.path)).parent


class Interruption(Protocol):
    """Tells whether somebody wants the command to end: 0, or the exit code for the signal that came."""

    exit_code: int


def carry_out(options: argparse.Namespace, interruption: Interruption) -> tuple[int, str]:
    """Do what the options ask for.

    Returns:
        the exit code, and the text for standard output: the report.
    """
    report = Report()
    try:
        content = _carry_out(options, interruption, report)
        if options.report is not None:
            _write_report(options, content, report)
        _say(*report.complaints())
        text = content.as_json() if options.json else content.as_text()
    finally:
        session.close()  # takes the logs with it
    return report.exit_code, text


def _carry_out(options: argparse.Namespace, interruption: Interruption, report: Report) -> Content:
    try:
        with published(getattr(options, "publish", None)) as publisher:  # large files take a while to be opened
            opened = _open(options)
            report.file = opened.path
            if options.report is not None:
                _checked_report(options)
            if options.command == "list":
                return Listing(_trees_to_list(opened, options.tree))
            if options.command == "plan":
                return _plan(opened, options, report)
            _run(opened, options, interruption, report, publisher)
    except ConsentError as error:
        report.refuse([replace(problem, fix=_allow_fix(problem)) for problem in error.problems])
    except (InputError, CompileError, BuildError) as error:
        report.refuse(error.problems)
    except BackgroundNodesError as error:
        report.fail(str(error))
    if interruption.exit_code:
        report.interrupt(interruption.exit_code)
    return report


def _allow_fix(problem: Problem) -> str:
    return "Read it, then give --allow-scripts, or allow it in Blender" if problem.needs_consent else problem.fix


def _checked_report(options: argparse.Namespace) -> Path:
    """Where to write the report to. Raises InputError."""
    path = _check_destination("--report", options.report, options)
    output = getattr(options, "output", None)  # `list` has none
    if output is not None and destinations.is_same(str(path), (str(Path(output).absolute()),)):
        where = f"--report {options.report}"
        raise InputError(InputProblem(where, "that is the file of --output, too", "Give another name"))
    return path


def _write_report(options: argparse.Namespace, content: Content, report: Report) -> None:
    """Write the report's file, whole or not at all."""
    try:
        target = _checked_report(options)
        beside = target.with_name(f".saving-{uuid.uuid4().hex}.json")
        try:
            beside.write_text(content.as_json(), encoding="utf-8")
            beside.replace(target)
        finally:
            beside.unlink(missing_ok=True)
    except InputError as error:
        report.refuse(error.problems)
    except OSError as error:
        report.fail(f"the report can't be written to {options.report}: {error}")


def _run_options(options: argparse.Namespace) -> dict[str, Any]:
    """What a run and its forecast are told alike."""
    return {
        "force": options.force,
        "cache": not options.no_cache,
        "workers": options.workers,
        "allow_scripts": options.allow_scripts,
    }


def _plan(opened: Opened, options: argparse.Namespace, report: Report) -> ForecastReport:
    """Tell what `run` would do, with the same options."""
    tree = _tree(opened, options.tree)
    report.tree = tree.name
    until = checked_input(tree, opened.home, options)
    _use_store(options)
    forecast = session.forecast(tree, until=until, **_run_options(options))
    return ForecastReport(report.file, tree.name, forecast)


def _run(
    opened: Opened,
    options: argparse.Namespace,
    interruption: Interruption,
    report: Report,
    publisher: Publisher | None,
) -> None:
    tree = _tree(opened, options.tree)
    report.tree = tree.name
    output = checked_output(options)
    until = checked_input(tree, opened.home, options)
    if interruption.exit_code:
        return
    _use_store(options)
    _use_engine(options)
    with make_view(sys.stderr) as view:
        run = session.start(tree, until=until, timeout=options.timeout, on_event=view.hear, **_run_options(options))
        _wait(run, interruption, view, publisher)
    if output is not None:
        for node_id, identifier in run.offered():
            run.fetch_output(node_id, identifier, OutputAction(OutputMode.KEEP))
    report.take(tree, run)
    if output is not None and not interruption.exit_code:
        report.output = save(output)


def _use_store(options: argparse.Namespace) -> None:
    if options.store:
        settings = dataclasses.replace(session.settings, store_folder=str(Path(options.store).absolute()))
        session.use_settings(lambda: settings)


def _use_engine(options: argparse.Namespace) -> None:
    """Raises InputError if there is no such engine, or it makes no sense of its address."""
    chosen = options.engine
    if not chosen:
        return
    settings = dataclasses.replace(session.settings, engine=chosen)
    session.use_settings(lambda: settings)
    try:
        if chosen not in [kind.name for kind in engine_kinds]:
            engine_kinds.add_installed()
        session.choose_engine()
    except EngineError as error:
        raise InputError(InputProblem(f"--engine {chosen}", error.message, error.fix)) from error


def checked_input(tree: bpy.types.NodeTree, home: Path | None, options: argparse.Namespace) -> list[str] | None:
    """Set the inputs; the names of the nodes to run until, None for all. Raises InputError with all that is wrong.

    `home` is what `//` stands for, if that is not the folder of the open file.
    """
    problems: list[InputProblem] = []
    until: list[str] = []
    for name in options.until or ():
        with _collected(problems):
            until.append(lookup.find(tree, name, f"--until {name}").path.name)
    for setting in options.settings:
        with _collected(problems):
            assign(tree, setting, home)
    if problems:
        raise InputError(*problems)
    return until or None


@contextlib.contextmanager
def _collected(problems: list[InputProblem]) -> Iterator[None]:
    try:
        yield
    except InputError as error:
        problems.extend(error.problems)


def _wait(run: Run, interruption: Interruption, view: View, publisher: Publisher | None) -> None:
    while run.wait(_INTERVAL) is RunState.RUNNING:
        view.update(run)
        if publisher is not None:
            publisher.update(run)
        if interruption.exit_code:
            run.cancel()
    view.update(run)
    run.wait(_KEEPING_TIMEOUT)  # until then nobody knows what gave the same as before
    if publisher is not None:
        publisher.update(run, is_over=True)


# Files


def _open(options: argparse.Namespace) -> Opened:
    """Open the file, unless Blender did already; make the tree of a file of text in it."""
    if options.file is None and options.text is None:
        if not bpy.data.filepath:
            raise InputError(
                InputProblem("", "Blender has no file open", "Name one before --command: blender FILE.blend")
            )
        _note_auto_run()
        return Opened(bpy.data.filepath)
    given = options.file if options.text is None else options.text
    path = Path(given).absolute()
    if options.text is not None or is_text_of_tree(path):
        scene = open_scene(options.open, takes_open_file=options.text is not None)
        return Opened(str(path), make_tree(path, given, scene))
    if options.open is not None:
        message, fix = "only a tree as text takes data-blocks of another file", "Leave it out, or give a .json file"
        raise InputError(InputProblem(f"--open {options.open}", message, fix))
    _open_blend(given, f"file {given}")
    return Opened(str(path))


def open_scene(given: str | None, *, takes_open_file: bool = False) -> str:
    """Open what a tree as text takes data-blocks from, an empty file if that is none; its path as it was typed."""
    if given is not None:
        _open_blend(given, f"--open {given}")
        return given
    if takes_open_file and bpy.data.filepath:
        _note_auto_run()
        return bpy.path.basename(bpy.data.filepath)
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True, load_ui=False)
    return ""


def _note_auto_run() -> None:
    if is_auto_run_wanted(sys.argv):
        _say("Note: FILE was opened with its scripts on. To keep them off: blender --disable-autoexec FILE")


def open_file(given: str | None) -> None:
    """Open a .blend file that an option names; none if Blender has opened it. Raises InputError."""
    if given is not None:
        _open_blend(given, f"file {given}")
    elif not bpy.data.filepath:
        raise InputError(InputProblem("", "Blender has no file open", "Name one before --command: blender FILE.blend"))


def _open_blend(given: str, where: str) -> None:
    path = Path(given).absolute()
    if not path.is_file():
        found = "it is a folder" if path.is_dir() else "there is no such file"
        fix = "Give the path of a .blend file, or of a tree as text"
        raise InputError(InputProblem(where, found, fix))
    try:
        bpy.ops.wm.open_mainfile(filepath=str(path), load_ui=False, use_scripts=False)
    except RuntimeError as error:
        reason = str(error).removeprefix("Error: ").strip().rstrip(".")
        fix = f"Give a .blend file that Blender {bpy.app.version_string} can open"
        raise InputError(InputProblem(where, reason, fix)) from error


def _tree(opened: Opened, name: str | None) -> bpy.types.NodeTree:
    """The tree that is meant: of a file of text its own."""
    if opened.tree is None:
        return lookup.tree(name)
    if name not in (None, opened.tree.name):
        fix = lookup.fix_name(name, [opened.tree.name])
        raise InputError(InputProblem(f"--tree {name}", "there is no such background node tree", fix))
    return opened.tree


def _trees_to_list(opened: Opened, name: str | None) -> list[bpy.types.NodeTree]:
    is_all = name is None and opened.tree is None
    return list(background_trees()) if is_all else [_tree(opened, name)]


def checked_output(options: argparse.Namespace) -> Path | None:
    """Where to save, looked at before the work rather than after it."""
    output = options.output
    if output is None:
        return None
    path = _check_destination("--output", output, options)
    if path.suffix.lower() != ".blend":
        message, fix = "the name does not end in .blend", f"Call it {path.name}.blend"
        raise InputError(InputProblem(f"--output {output}", message, fix))
    return path


def _check_destination(option: str, given: str, options: argparse.Namespace) -> Path:
    """The path of a file that an option names, which may be written."""
    path, where = Path(given).absolute(), f"{option} {given}"
    read = [str(file_of(Path(each).absolute())) for each in _files_read(options) if each]
    if destinations.is_same(str(path), (bpy.data.filepath, *read)):
        raise InputError(InputProblem(where, "that is the file itself, which is never written", "Give another name"))
    try:
        destinations.check(str(path), files_in_use())
    except MisfitError as error:
        raise InputError(InputProblem(where, error.message, error.fix)) from None
    if not path.parent.is_dir() or not os.access(path.parent, os.W_OK):
        raise InputError(InputProblem(where, f"no file can be written to {path.parent}", "Give another folder"))
    return path


def _files_read(options: argparse.Namespace) -> tuple[str | None, ...]:
    return tuple(getattr(options, name, None) for name in ("file", "text", "open"))


def save(path: Path) -> str:
    """Save the open file at `path`, whole or not at all, and return its path."""
    # In the same folder: Blender writes relative paths for the folder it saves to.
    beside = path.with_name(f".saving-{uuid.uuid4().hex}.blend")
    try:
        bpy.ops.wm.save_as_mainfile(filepath=str(beside), copy=True, relative_remap=True)
        beside.replace(path)
    except (RuntimeError, OSError) as error:
        raise BackgroundNodesError(f"{path} can't be saved: {error}") from error
    finally:
        beside.unlink(missing_ok=True)
    return str(path)


def _say(*lines: str) -> None:
    with contextlib.suppress(OSError):
        sys.stderr.writelines(f"{harmless(line)}\n" for line in lines)
        sys.stderr.flush()
