# SPDX-License-Identifier: GPL-3.0-or-later
"""What the command line does with a file: open it, set inputs, run a tree, save the result, and report.

options -> open -> lookup, assignments -> session -> report -> (exit code, text)
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
from typing import Any, Protocol

import bpy

from ...node_tree import lookup
from ...node_tree.identity import background_trees
from ...node_tree.lookup import InputError, InputProblem
from ...runtime.blender.paths import files_in_use
from ...runtime.errors import BackgroundNodesError, CompileError, MisfitError, Problem
from ...runtime.planning import destinations
from ...runtime.planning.graph import OutputAction, OutputMode
from ...runtime.scheduling.states import RunState
from ..consent.blender_scripts import is_auto_run_wanted
from ..consent.consent import ConsentError
from ..session.current import session
from ..session.run import Run
from .assignments import assign
from .forecast_report import ForecastReport
from .report import Listing, Report
from .terminal import View, make_view
from .terminal_text import harmless

#: Seconds between two looks at whether the command was interrupted.
_INTERVAL = 0.1
#: Seconds that keeping the last results may take.
_KEEPING_TIMEOUT = 20.0

#: What a command reports.
Content = Report | Listing | ForecastReport

_EXIT_FAILED = 1
_EXIT_BAD_INPUT = 2


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
        report.file = _open(options.file)
        if options.report is not None:
            _checked_report(options)
        if options.command == "list":
            return Listing(_trees_to_list(options.tree))
        if options.command == "plan":
            return _plan(options, report)
        _run(options, interruption, report)
    except ConsentError as error:
        report.refuse([replace(problem, fix=_allow_fix(problem)) for problem in error.problems])
    except (InputError, CompileError) as error:
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
    path = _check_destination("--report", options.report)
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


def _plan(options: argparse.Namespace, report: Report) -> ForecastReport:
    """Tell what `run` would do, with the same options."""
    tree = lookup.tree(options.tree)
    report.tree = tree.name
    until = _checked_input(tree, options)
    _use_store(options)
    forecast = session.forecast(tree, until=until, **_run_options(options))
    return ForecastReport(report.file, tree.name, forecast)


def _run(options: argparse.Namespace, interruption: Interruption, report: Report) -> None:
    tree = lookup.tree(options.tree)
    report.tree = tree.name
    output = _checked_output(options.output)
    until = _checked_input(tree, options)
    if interruption.exit_code:
        return
    _use_store(options)
    with make_view(sys.stderr) as view:
        run = session.start(tree, until=until, timeout=options.timeout, on_event=view.hear, **_run_options(options))
        _wait(run, interruption, view)
    if output is not None:
        for node_id, identifier in run.offered():
            run.fetch_output(node_id, identifier, OutputAction(OutputMode.KEEP))
    report.take(tree, run)
    if output is not None and not interruption.exit_code:
        report.output = _save(output)


def _use_store(options: argparse.Namespace) -> None:
    if options.store:
        settings = dataclasses.replace(session.settings, store_folder=str(Path(options.store).absolute()))
        session.use_settings(lambda: settings)


def _checked_input(tree: bpy.types.NodeTree, options: argparse.Namespace) -> list[str] | None:
    """Set the inputs; the names of the nodes to run until, None for all. Raises InputError with all that is wrong."""
    problems: list[InputProblem] = []
    until: list[str] = []
    for name in options.until or ():
        with _collected(problems):
            until.append(lookup.find(tree, name, f"--until {name}").path.name)
    for setting in options.settings:
        with _collected(problems):
            assign(tree, setting)
    if problems:
        raise InputError(*problems)
    return until or None


@contextlib.contextmanager
def _collected(problems: list[InputProblem]) -> Iterator[None]:
    try:
        yield
    except InputError as error:
        problems.extend(error.problems)


def _wait(run: Run, interruption: Interruption, view: View) -> None:
    while run.wait(_INTERVAL) is RunState.RUNNING:
        view.update(run)
        if interruption.exit_code:
            run.cancel()
    view.update(run)
    run.wait(_KEEPING_TIMEOUT)  # until then nobody knows what gave the same as before


# Files


def _open(file: str | None) -> str:
    """Open the file, unless Blender did already, and return its path."""
    if file is None:
        if not bpy.data.filepath:
            raise InputError(
                InputProblem("", "Blender has no file open", "Name one before --command: blender FILE.blend")
            )
        if is_auto_run_wanted(sys.argv):
            _say("Note: FILE was opened with its scripts on. To keep them off: blender --disable-autoexec FILE")
        return bpy.data.filepath
    path = Path(file).absolute()
    where = f"file {file}"
    if not path.is_file():
        found = "it is a folder" if path.is_dir() else "there is no such file"
        raise InputError(InputProblem(where, found, "Give the path of a .blend file"))
    try:
        bpy.ops.wm.open_mainfile(filepath=str(path), load_ui=False, use_scripts=False)
    except RuntimeError as error:
        reason = str(error).removeprefix("Error: ").strip().rstrip(".")
        fix = f"Give a .blend file that Blender {bpy.app.version_string} can open"
        raise InputError(InputProblem(where, reason, fix)) from error
    return str(path)


def _trees_to_list(name: str | None) -> list[bpy.types.NodeTree]:
    return list(background_trees()) if name is None else [lookup.tree(name)]


def _checked_output(output: str | None) -> Path | None:
    """Where to save, looked at before the work rather than after it."""
    if output is None:
        return None
    path = _check_destination("--output", output)
    if path.suffix.lower() != ".blend":
        message, fix = "the name does not end in .blend", f"Call it {path.name}.blend"
        raise InputError(InputProblem(f"--output {output}", message, fix))
    return path


def _check_destination(option: str, given: str) -> Path:
    """The path of a file that an option names, which may be written."""
    path, where = Path(given).absolute(), f"{option} {given}"
    if destinations.is_same(str(path), (bpy.data.filepath,)):
        raise InputError(InputProblem(where, "that is the file itself, which is never written", "Give another name"))
    try:
        destinations.check(str(path), files_in_use())
    except MisfitError as error:
        raise InputError(InputProblem(where, error.message, error.fix)) from None
    if not path.parent.is_dir() or not os.access(path.parent, os.W_OK):
        raise InputError(InputProblem(where, f"no file can be written to {path.parent}", "Give another folder"))
    return path


def _save(path: Path) -> str:
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
