# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line: `background-nodes run FILE`, or `blender FILE --command background_nodes run` with the extension.

Both read the same options and go through the same engine (`addon/command_line/command.py`). Only `store`, and
`presets list`, `show` and `check` need no Blender. Standard output carries the report and nothing else: what Blender
prints, and the progress of the nodes, goes to standard error.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import os
import signal
import sys
import traceback
from collections.abc import Iterator, Sequence
from types import FrameType
from typing import Any, NoReturn

#: The name behind `blender --command`.
COMMAND = "background_nodes"

_EXIT_CODES = """\
exit codes:
  0    every node succeeded
  1    a node failed or timed out, or the result could not be saved
  2    bad input: the file, the tree, an option, or a problem in the graph; nothing ran
  130  interrupted by Ctrl-C (143: by a termination signal)
"""
_PLAN_EXIT_CODES = """\
exit codes:
  0    the forecast was made, whatever it says
  1    it could not be made
  2    bad input: the file, the tree, an option, or a problem in the graph
"""
_EXAMPLES = """\
examples:
  {run} --output done.blend
  {run} --tree "Levels of Detail" --until Decimate
  {run} --set Decimate.ratio=0.25 --set Input=Monkey --json > report.json
  {plan} --set Decimate.ratio=0.25
  {list}
"""
_SET_HELP = """\
set an input before the run: NODE by name or label, SOCKET by identifier or label (an Input node needs none). VALUE is
a number, on or off, a text, a choice of the menu, a path, the name of a data-block, or JSON for vectors and lists.
May be given several times
"""

_OPEN_HELP = "with a node tree as text: the file whose data-blocks it names; it is never written"
_TEXT_HELP = "run this node tree, which is kept as text; FILE.blend has the data-blocks that it names"

_GIGABYTE = 1024**3

_commands: list[Any] = []


# Two ways in


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command on the bpy wheel, and end the process with its exit code."""
    options = _parsed(_parser("background-nodes", has_file=True), arguments)
    if options.command == "farm":
        from .farm import command as farm_command

        sys.exit(farm_command.carry_out(options))
    if getattr(options, "shared", None):
        from .farm import shared_folder

        os.environ[shared_folder.VARIABLE] = os.path.abspath(options.shared)  # noqa: PTH100 (it need not be there)
    if getattr(options, "detach", False):
        from .farm import command as farm_command

        sys.exit(farm_command.detach(options, sys.argv[1:] if arguments is None else arguments))
    if options.command in ("collect", "session", "step"):
        from .submit import without_blender

        exit_code = without_blender.carry_out(options)
        if exit_code is not None:
            sys.exit(exit_code)
    if options.command == "store" or not getattr(options, "needs_blender", True):
        with _report_stream() as report:
            sys.exit((_carry_out_store if options.command == "store" else _carry_out_presets)(options, report))
    with _report_stream() as report:  # Blender prints already while it is imported
        try:
            import bpy
        except ImportError as error:
            message = f"background-nodes: there is no Blender in this Python ({error}).\n"
            sys.stderr.write(message + 'Install one with: pip install "background-nodes[bpy]"\n')
            sys.exit(2)
        _run_on_wheel(options, report, bpy.app.tempdir)


def _run_on_wheel(options: argparse.Namespace, report: int, temporary_folder: str) -> NoReturn:
    from . import addon, node_tree
    from .runtime.blender.temporary_files import remove_blenders_folder

    exit_code = 1
    try:
        node_tree.register()
        addon.register()
        carry_out = {
            "presets": _carry_out_presets,
            "submit": _carry_out_submit,
            "step": _carry_out_step,
            "session": _serve,
        }
        exit_code = carry_out.get(options.command, _carry_out)(options, report)
        addon.unregister()
        node_tree.unregister()
    finally:
        # A regular exit crashes (4.2) or hangs (4.5) where something still holds a reference into Blender.
        if sys.exc_info()[0] is not None:
            traceback.print_exc()
        remove_blenders_folder(temporary_folder)
        _flush()
        os._exit(exit_code)


def command(arguments: Sequence[str]) -> int:
    """Run the command on the file that this Blender has opened. Blender ends with what is returned."""
    options = _parsed(_parser(f"blender FILE.blend --command {COMMAND}", has_file=False), arguments)
    carry_out = {"store": _carry_out_session_store, "presets": _carry_out_presets}.get(options.command, _carry_out)
    with _report_stream() as report:
        exit_code = carry_out(options, report)
    _flush()
    return exit_code


def register() -> None:
    """Register the command with Blender."""
    import bpy

    _commands.append(bpy.utils.register_cli_command(COMMAND, command))


def unregister() -> None:
    """Unregister the command."""
    import bpy

    while _commands:
        bpy.utils.unregister_cli_command(_commands.pop())


def _carry_out(options: argparse.Namespace, report: int) -> int:
    from .addon.command_line import command

    with _interruption() as interruption:
        exit_code, text = command.carry_out(options, interruption)
    return _finish(exit_code, text, report)


def _carry_out_store(options: argparse.Namespace, report: int) -> int:
    from .addon.command_line import store_command

    return _finish(*store_command.carry_out(options), report)


def _carry_out_presets(options: argparse.Namespace, report: int) -> int:
    if not options.needs_blender:
        from .addon.command_line import preset_files

        return _finish(*preset_files.carry_out(options), report)
    from .addon.command_line import preset_command

    return _finish(*preset_command.carry_out(options), report)


def _carry_out_submit(options: argparse.Namespace, _report: int) -> int:
    from .submit import submitting

    return submitting.carry_out(options)


def _serve(options: argparse.Namespace, report: int) -> int:
    from .submit import warm_session

    return warm_session.serve(options, report)


def _carry_out_step(options: argparse.Namespace, report: int) -> int:
    from .submit import step_command

    with _interruption() as interruption:
        return step_command.carry_out(options, interruption, report)


def _carry_out_session_store(options: argparse.Namespace, report: int) -> int:
    """As `_carry_out_store`, with the store of this Blender's runs."""
    from .addon.command_line import store_command
    from .addon.session.blender_host import store_folder
    from .addon.session.current import session

    settings = session.settings
    outcome = store_command.carry_out(options, lambda: store_folder(settings), settings.store_limits)
    return _finish(*outcome, report)


def _finish(exit_code: int, text: str, report: int) -> int:
    """Write the report; the exit code."""
    try:
        _write(report, text)
    except BrokenPipeError:
        pass  # the reader has closed the pipe
    except OSError as error:
        sys.stderr.write(f"The report can't be written: {error}\n")
        return exit_code or 1
    return exit_code


# Options


def _parsed(parser: argparse.ArgumentParser, arguments: Sequence[str] | None) -> argparse.Namespace:
    options = parser.parse_args(arguments)
    if options.command == "store" and options.unused and options.action != "clear":
        parser.error("--unused goes with clear")
    return options


def _parser(prog: str, *, has_file: bool) -> argparse.ArgumentParser:
    from .addon.command_line import preset_options

    parser = argparse.ArgumentParser(
        prog,
        description="Run node trees of Background Nodes in background Blenders.",
        epilog=_EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    file = " FILE.blend" if has_file else ""
    examples = _EXAMPLES.format(**{name: f"{prog} {name}{file}" for name in ("run", "plan", "list")})
    run = commands.add_parser(
        "run",
        help="run a node tree",
        description="Run a node tree, show the progress of each node, and report the results.",
        epilog=f"{examples}\n{_EXIT_CODES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    plan = commands.add_parser(
        "plan",
        help="tell what a run would do, and run nothing",
        description="Tell which nodes of a tree would run and why, which are cached, and which wait for others. "
        "Nothing runs, and nothing is written.",
        epilog=_PLAN_EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    show = commands.add_parser("list", help="show the node trees of a file and what can be set", allow_abbrev=False)
    for subparser in (run, plan, show):
        if has_file:
            subparser.add_argument(
                "file", metavar="FILE", help="the .blend file, or a node tree as text (.json); it is never written"
            )
            subparser.add_argument("--open", metavar="SCENE.blend", help=_OPEN_HELP)
            subparser.set_defaults(text=None)
        else:
            subparser.add_argument("--text", metavar="TREE.json", help=_TEXT_HELP)
            subparser.set_defaults(file=None, open=None)
        subparser.add_argument("--tree", metavar="NAME", help="the node tree; needed if the file has several")
        subparser.add_argument("--json", action="store_true", help="write the report as one JSON object")
        subparser.add_argument("--report", metavar="FILE", help="write the JSON object to this file, too")
    _add_plan_options(run)
    _add_run_options(run)
    _add_plan_options(plan)
    store = commands.add_parser("store", help="show, check or clear what is kept of earlier runs", allow_abbrev=False)
    _add_store_options(store)
    preset_options.add(commands, has_file=has_file)
    if has_file and importlib.util.find_spec(f"{__package__}.farm") is not None:  # it is no part of the extension
        from .farm import options as farm_options

        farm_options.add(commands)
        farm_options.add_to_run(run)
    if has_file and importlib.util.find_spec(f"{__package__}.submit") is not None:  # nor is this
        from .submit import options as submit_options

        submit_options.add(commands, _SET_HELP, _count)
    return parser


def _add_plan_options(parser: argparse.ArgumentParser) -> None:
    """The options that decide what runs."""
    parser.add_argument(
        "--until",
        action="append",
        metavar="NODE",
        help="run this node and what it needs, and nothing else. May be given several times",
    )
    parser.add_argument(
        "--set", action="append", default=[], dest="settings", metavar="NODE.SOCKET=VALUE", help=_SET_HELP
    )
    parser.add_argument(
        "--workers", type=_count, metavar="N", help="how many background Blenders work at the same time"
    )
    parser.add_argument(
        "--allow-scripts",
        action="store_true",
        help="run the scripts that came with the file, though nobody has allowed them in Blender",
    )
    parser.add_argument("--no-cache", action="store_true", help="use no results of earlier runs, and keep none")
    parser.add_argument("--force", action="store_true", help="run everything anew, and keep the results")
    parser.add_argument(
        "--store", metavar="DIR", help="the folder of kept results, if it is another than the usual one"
    )


def _add_run_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--engine",
        metavar="NAME",
        help="what runs the tasks: pool, which is this machine, or an engine that an add-on or a Python package adds, "
        "with its address where it has one: NAME://ADDRESS",
    )
    parser.add_argument("--publish", metavar="FOLDER", help=argparse.SUPPRESS)  # for `farm/detaching.py`
    parser.add_argument("--timeout", type=_seconds, metavar="S", help="seconds the whole run may take")
    parser.add_argument("--output", metavar="OUT.blend", help="save the file with the results under this name")


def _add_store_options(parser: argparse.ArgumentParser) -> None:
    from .runtime.store.limits import Limits

    limits = Limits()
    parser.add_argument("action", choices=("info", "verify", "prune", "clear"), help="what to do")
    parser.add_argument("--store", metavar="DIR", help="the folder of the store, if it is another than the usual one")
    sizes = (
        ("--max-size", limits.max_size, "how many gigabytes the store may have"),
        ("--min-free", limits.min_free, "how many gigabytes must stay free on its disk"),
    )
    for option, default, text in sizes:
        usual = f"{default // _GIGABYTE}; in a real Blender, as its preferences say"
        parser.add_argument(option, type=_gigabytes, metavar="GB", help=f"{text} ({usual})")
    parser.add_argument("--unused", action="store_true", help="leave what an open Blender shows or needs")
    parser.add_argument("--json", action="store_true", help="write the report as one JSON object")


def _gigabytes(text: str) -> int:
    try:
        size = float(text)
    except ValueError:
        size = -1.0
    if not 0.0 <= size < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of gigabytes")
    return int(size * _GIGABYTE)


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 1")
    return int(text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0.0 < seconds < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds above 0")
    return seconds


# Streams and signals


@contextlib.contextmanager
def _report_stream() -> Iterator[int]:
    """The standard output, kept for the report; whatever else writes there, C code too, goes to standard error.

    It stays so after the block, because C code has buffers that it flushes only when the process ends.
    """
    _flush()
    # Python has no stdout where its caller closed it.
    report = os.open(os.devnull, os.O_WRONLY) if sys.stdout is None else os.dup(1)
    os.dup2(2, 1)
    try:
        yield report
    finally:
        os.close(report)


def _write(stream: int, text: str) -> None:
    data = text.encode("utf-8", "backslashreplace")
    while data:
        data = data[os.write(stream, data) :]


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            if stream is not None:
                stream.flush()


class Interruption:
    """Whether the command was interrupted by a signal. `exit_code` is 0 as long as it was not."""

    exit_code = 0

    def handle(self, number: int, _frame: FrameType | None) -> None:
        """Note the first signal, so that the command can end cleanly. A second one ends the process at once."""
        self.exit_code = 128 + number
        signal.signal(number, signal.SIG_DFL)


@contextlib.contextmanager
def _interruption() -> Iterator[Interruption]:
    interruption = Interruption()
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, interruption.handle) for number in numbers]
    try:
        yield interruption
    finally:
        for number, handler in zip(numbers, before, strict=True):
            # Blender's own handlers are in C, and unknown to Python.
            signal.signal(number, signal.SIG_DFL if handler is None else handler)


if __name__ == "__main__":
    main()
