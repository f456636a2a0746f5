# SPDX-License-Identifier: GPL-3.0-or-later
"""What is submitted: the tree of a .blend file, or one that is kept as text, such as in git."""

from __future__ import annotations

import argparse
from pathlib import Path

import bpy

from ..addon.command_line import command, text_files
from ..addon.session import checks
from ..node_tree import lookup
from ..node_tree.lookup import InputError, InputProblem
from ..runtime.planning.plan import Plan
from ..runtime.text_form.files import file_of, is_text_of_tree


class Source:
    """What the options name.

    Attributes:
        file: the .blend file. Of a text it is the one that has its data-blocks; without one, it would lie beside
            the text, if it were there.
    """

    def __init__(self, options: argparse.Namespace) -> None:
        """Raises InputError if nothing of that kind can be submitted."""
        path = Path(options.file).absolute()
        self._options = options
        self._text = path if is_text_of_tree(path) else None
        self._tree: bpy.types.NodeTree | None = None
        if self._text is None and path.suffix.lower() != ".blend":
            found, fix = "it is no .blend file, and no tree as text", "Give the path of a .blend or .json file"
            raise InputError(InputProblem(f"file {options.file}", found, fix))
        if self._text is None and options.open is not None:
            found, fix = "only a tree as text takes data-blocks of another file", "Leave it out, or give a .json file"
            raise InputError(InputProblem(f"--open {options.open}", found, fix))
        if self._text is None:
            self.file = path
        elif options.open is not None:
            self.file = Path(options.open).absolute()
        else:
            self.file = file_of(self._text).with_suffix(".blend")

    @property
    def is_text(self) -> bool:
        """Whether the tree is kept as text, so that there is no .blend file with it."""
        return self._text is not None

    @property
    def settings(self) -> tuple[str, ...]:
        """The inputs to set wherever it is opened. Those of a text are set when it becomes a .blend file."""
        return tuple(self._options.settings) if self._text is None else ()

    def open(self) -> None:
        """Open it. Raises InputError and BuildError."""
        self._open(relative_to=None)

    def open_for_packing(self) -> None:
        """Open it as it was, with paths in nodes that are seen from the .blend file."""
        self._open(relative_to=self.file.parent)

    def _open(self, *, relative_to: Path | None) -> None:
        if self._text is None:
            command.open_file(self._options.file)
            return
        scene = command.open_scene(self._options.open)
        self._tree = text_files.make_tree(self._text, self._options.file, scene, relative_to)
        self._tree.use_fake_user = True
        home = file_of(self._text).parent  # what // stands for in the options
        command.checked_input(self._tree, None if home == relative_to else home, self._options)

    def tree(self) -> bpy.types.NodeTree:
        """The tree that is meant. Raises InputError if there is none, or several."""
        if self._tree is None:
            return lookup.tree(self._options.tree)
        if self._options.tree not in (None, self._tree.name):
            fix = lookup.fix_name(self._options.tree, [self._tree.name])
            raise InputError(InputProblem(f"--tree {self._options.tree}", "there is no such background node tree", fix))
        return self._tree

    def plan(self) -> Plan:
        """The plan of the open file. Raises CompileError and InputError."""
        tree = self.tree()
        options = argparse.Namespace(until=self._options.until, settings=self.settings)
        return checks.checked(tree, command.checked_input(tree, None, options))
