# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of `background-nodes submit`, `step`, `session` and `collect`."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any, Final

_JOB: Final = "the SHA-256 of job.json as it was submitted: another job is refused"


def add(commands: Any, set_help: str, count: Callable[[str], int]) -> None:
    """Add the commands to others."""
    submit = commands.add_parser(
        "submit",
        help="write a job for a farm that takes jobs",
        description="Make a folder with a node tree as a job: its steps, the .blend file, and all that it uses.",
        allow_abbrev=False,
    )
    submit.add_argument("file", metavar="FILE", help="the .blend file, or a tree as text; neither is written")
    submit.add_argument("--open", metavar="BLEND", help="for a tree as text: the .blend file that has its data-blocks")
    submit.add_argument("--to", choices=("openjd", "flamenco"), required=True, help="what reads the job")
    submit.add_argument("--into", metavar="FOLDER", required=True, help="the job's folder, new or empty")
    submit.add_argument("--manager", metavar="URL", help="for flamenco: where its manager is, as http://HOST:8080")
    submit.add_argument("--priority", type=_place, default=50, metavar="N", help="for flamenco: 0 to 100 (%(default)s)")
    submit.add_argument(
        "--command",
        dest="farm_command",
        default="background-nodes",
        metavar="PROGRAM",
        help="the command of Background Nodes on the machines of the farm (%(default)s)",
    )
    submit.add_argument("--tree", metavar="NAME", help="the node tree; needed if the file has several")
    submit.add_argument("--until", action="append", metavar="NODE", help="as for run")
    submit.add_argument(
        "--set", action="append", default=[], dest="settings", metavar="NODE.SOCKET=VALUE", help=set_help
    )
    submit.add_argument("--blender", metavar="VERSION", help="submit nothing if another version would run the job")
    submit.add_argument(
        "--project",
        metavar="FOLDER",
        help="a folder around all files that nodes name; that of the .blend file, if nothing else is said",
    )
    submit.add_argument(
        "--items-per-task",
        type=count,
        default=1,
        metavar="N",
        help="how many items of a list one task of the farm does (%(default)s)",
    )
    submit.add_argument(
        "--allow-scripts",
        action="store_true",
        help="let the farm run the scripts that came with the file, though nobody has allowed them in Blender",
    )
    submit.add_argument(
        "--allow-listed",
        action="store_true",
        help="let it run those of them whose digests come from standard input, one a line: Blender gives this",
    )
    step = commands.add_parser("step", help="run one step of a job: farms call this", allow_abbrev=False)
    step.add_argument("folder", metavar="FOLDER", help="the job's folder")
    step.add_argument("number", type=int, metavar="STEP", help="the number of the step, from 0")
    step.add_argument("--first", type=_place, metavar="N", help="the first of the items to do, from 0; all without it")
    step.add_argument("--count", type=count, default=1, metavar="N", help="how many items to do (%(default)s)")
    step.add_argument("--job", default="", metavar="DIGEST", help=_JOB)
    step.add_argument("--workers", type=count, metavar="N", help="how many background Blenders work at the same time")
    session = commands.add_parser(
        "session", help="keep Blenders warm between the steps of a job: farms call this", allow_abbrev=False
    )
    session.add_argument("action", choices=("start", "stop", "serve"), help="what to do; start calls serve")
    session.add_argument("folder", metavar="FOLDER", nargs="?", default=".", help="the job's folder")
    session.add_argument("--job", default="", metavar="DIGEST", help=_JOB)
    session.add_argument("--place", help="the folder of its socket, for serve")
    session.add_argument(
        "--workers", type=count, metavar="N", help="how many background Blenders work at the same time"
    )
    collect = commands.add_parser(
        "collect",
        help="bring the results of a job home",
        description="Keep what a job has done here, so that the next run of the same node tree finds it.",
        allow_abbrev=False,
    )
    collect.add_argument("folder", metavar="FOLDER", help="the job's folder")
    collect.add_argument(
        "--store", metavar="DIR", help="the folder of kept results, if it is another than the usual one"
    )
    collect.add_argument("--into", metavar="FOLDER", help="copy the files that the job wrote into this folder, too")


def _place(text: str) -> int:
    if not text.isascii() or not text.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 0")
    return int(text)
