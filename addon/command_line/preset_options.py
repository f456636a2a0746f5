# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of the command `presets`."""

from __future__ import annotations

import argparse
from typing import Any, Final

#: What needs no Blender.
_WITHOUT_BLENDER: Final = frozenset({"list", "show", "check"})

EXIT_CODES: Final = """\
exit codes:
  0    it was done; `check` found nothing wrong, `outdated` nothing outdated
  1    it could not be done, or something is wrong or outdated
  2    bad input: an option, a file, or a preset that is not there
"""
_PRESET: Final = "the preset: its name, its uuid, or the path of its .blend file"


def add(commands: Any, *, has_file: bool) -> None:
    """Add the command with its actions. `has_file`: whether actions on a .blend file name it."""
    parser = commands.add_parser(
        "presets",
        help="list, check, save, use and build presets of a library",
        description="Work with libraries of presets. `list`, `show` and `check` need no Blender.",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")

    def action(name: str, text: str) -> argparse.ArgumentParser:
        added: argparse.ArgumentParser = actions.add_parser(name, help=text, description=text, allow_abbrev=False)
        added.add_argument("--library", metavar="DIR", required=True, help="the folder of the library")
        added.add_argument("--json", action="store_true", help="write the report as one JSON object")
        added.set_defaults(needs_blender=name not in _WITHOUT_BLENDER)
        return added

    found = action("list", "list the presets of a library")
    found.add_argument("--all", action="store_true", help="all versions, not only the newest")
    _add_preset(action("show", "tell what is said of a preset"))
    found = action("check", "read all files of a library, and tell what is wrong with them")
    found.add_argument("--write-mirror", action="store_true", help="write the list of its presets anew")
    _add_saving(action("save", "save a node, a group or a tree of a file as a preset"), has_file=has_file)
    found = action("use", "add a preset to a file, and save that under another name")
    _add_preset(found)
    _add_file(found, has_file=has_file)
    found.add_argument("--tree", metavar="NAME", help="the node tree to add it to; a tree is added to the file")
    found.add_argument("--node", metavar="NODE", help="the node that gets a set of values")
    found.add_argument("--output", metavar="OUT.blend", required=True, help="save the file under this name")
    found = action("outdated", "list what in a file has a newer version in a library, and what would change")
    _add_file(found, has_file=has_file)
    found = action("dump", "write a preset as a folder of text: its scripts as .py files, its graph as JSON")
    _add_preset(found)
    found.add_argument("--output", metavar="FOLDER", required=True, help="the folder to write to")
    found = action("build", "make a preset of such a folder, and add it to a library")
    found.add_argument("folder", metavar="FOLDER", help="a folder that `dump` has written")
    found = action("trust", "write the library's list of scripts that may run, once a person confirms it")
    found.add_argument("presets", metavar="PRESET", nargs="+", help=_PRESET)
    found.add_argument("--name", metavar="TEXT", default="", help="whose list it is")


def _add_preset(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("preset", metavar="PRESET", help=_PRESET)
    parser.add_argument("--version", type=int, default=0, metavar="N", help="this version of it, not the newest")


def _add_file(parser: argparse.ArgumentParser, *, has_file: bool) -> None:
    if has_file:
        parser.add_argument("file", metavar="FILE", help="the .blend file; it is never written")
    else:
        parser.set_defaults(file=None)


def _add_saving(parser: argparse.ArgumentParser, *, has_file: bool) -> None:
    _add_file(parser, has_file=has_file)
    parser.add_argument("--tree", metavar="NAME", help="the node tree; needed if the file has several")
    parser.add_argument("--node", metavar="NODE", help="the node; of one that stands for a group, the group")
    parser.add_argument("--values", action="store_true", help="only the values of the node")
    parser.add_argument("--of", metavar="PRESET", help="save it as a new version of this preset")
    for name in ("name", "description", "author", "licence", "change", "catalog"):
        parser.add_argument(f"--{name}", metavar="TEXT", help=f"what the preset says as its {name}")
    parser.add_argument("--tag", metavar="TEXT", action="append", default=[], dest="tags", help="a word to find it by")
    parser.add_argument(
        "--renamed", metavar="OLD=NEW", action="append", default=[], help="a socket that was renamed, by identifiers"
    )
