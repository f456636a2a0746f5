# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of `background-nodes farm`. Nothing of Dask is needed to read them."""

from __future__ import annotations

import argparse
from typing import Any

from ..runtime.planning.needs import Needs, parsed
from .address import USUAL_PORT

_SHARED = "a folder that all machines see, for large files; else BACKGROUND_NODES_FARM_SHARED says which"


def add(commands: Any) -> None:
    """Add the command to others."""
    farm = commands.add_parser(
        "farm",
        help="use more than one machine",
        description="Run a scheduler on one machine and workers on several; then: background-nodes run FILE "
        "--engine dask://HOST:PORT",
        allow_abbrev=False,
    )
    actions = farm.add_subparsers(dest="action", required=True, metavar="ACTION")
    scheduler = actions.add_parser("scheduler", help="run the scheduler, on one machine", allow_abbrev=False)
    scheduler.add_argument(
        "--host",
        default="127.0.0.1",
        help="the address to listen at; usually (%(default)s) only this machine reaches it",
    )
    scheduler.add_argument("--port", type=int, default=USUAL_PORT, help="%(default)s, if nothing else is said")
    scheduler.add_argument(
        "--dashboard",
        type=_count,
        metavar="PORT",
        help="show Dask's own pages at this port, to whoever is on this machine",
    )
    worker = actions.add_parser("worker", help="let this machine work, until SIGTERM or Ctrl-C", allow_abbrev=False)
    worker.add_argument("scheduler", metavar="HOST:PORT", help="where the scheduler is")
    worker.add_argument("--host", default="", help="the address at which other workers reach this one")
    worker.add_argument(
        "--name",
        default="",
        help="what it is called; else it is the name of the machine, with a number if that is taken",
    )
    worker.add_argument("--slots", type=_count, metavar="N", help="how many background Blenders work at the same time")
    worker.add_argument("--blender", default="", metavar="PATH", help="Blender; if none is given, Python's module")
    worker.add_argument("--memory-limit", type=float, default=0.0, metavar="GB", help="end a task that holds more")
    worker.add_argument(
        "--resources",
        type=_resources,
        default={},
        metavar="NAME=AMOUNT",
        help="what else the machine has that nodes may need: GPU=1, with commas in between",
    )
    worker.add_argument("--folder", metavar="DIR", help="where files that were sent here are kept for later")
    worker.add_argument("--shared", metavar="DIR", help=_SHARED)
    runs = actions.add_parser("runs", help="tell of this user's detached runs", allow_abbrev=False)
    runs.add_argument("--end", metavar="ID", help="cancel one; what it has finished is kept")
    for name, text in (("status", "tell what the workers do"), ("stop", "end all workers and the scheduler")):
        action = actions.add_parser(name, help=text, allow_abbrev=False)
        if name == "status":
            action.add_argument(
                "--addons", action="store_true", help="name the add-ons that did not come with the Blender of a machine"
            )
        action.add_argument("scheduler", metavar="HOST:PORT", nargs="?", default=f"127.0.0.1:{USUAL_PORT}")


def add_to_run(run: argparse.ArgumentParser) -> None:
    """Add what the farm adds to the command `run`."""
    run.add_argument(
        "--detach",
        action="store_true",
        help="let a process of its own run it, which goes on when this one has ended; see: background-nodes farm runs",
    )

    run.add_argument("--shared", metavar="DIR", help=_SHARED)


def _resources(text: str) -> dict[str, float]:
    try:
        found = parsed(text)
        if found == Needs(resources=found.resources):
            return dict(found.resources)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    raise argparse.ArgumentTypeError("OS, memory and Blender are found out by the worker itself")


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 1")
    return int(text)
