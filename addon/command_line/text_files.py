# SPDX-License-Identifier: GPL-3.0-or-later
"""Trees that are kept as text: what the command makes of such a file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import bpy

from ...node_tree.lookup import InputError, InputProblem
from ...node_tree.text_form.building import Built, build
from ...runtime.errors import BuildError, Problem
from ...runtime.text_form import files
from ...runtime.text_form.paths import absolute_in, relative_in, with_paths


def make_tree(path: Path, given: str, scene: str, home: Path | None = None) -> bpy.types.NodeTree:
    """Make the tree of a file of text, in the open file. Its scripts are as foreign as those of a .blend file.

    Args:
        path: of the file, or of its folder. Relative paths in it are seen from that folder.
        given: the path as it was typed.
        scene: the .blend file that is open, as it was typed; "" if the open one is empty.
        home: the folder that the paths are to be relative to; None for whole paths.

    Raises:
        InputError: if it is no such file, or if it names what is not there.
        BuildError: if this Blender can't have that tree.
    """
    try:
        data = files.read_file(path)
    except BuildError as error:
        raise InputError(*(_of_file(problem, given) for problem in error.problems)) from error
    folder = files.file_of(path).parent
    data = with_paths(data, absolute_in(folder))
    if home is not None:
        data = with_paths(data, relative_in(home))
    made = build(data, source=str(path))
    problems = [*_missing(made, scene), *made.gone]
    if problems:
        raise BuildError(problems)
    return made.tree


def _of_file(problem: Problem, given: str) -> InputProblem:
    message = f'node "{problem.node}": {problem.message}' if problem.node else problem.message
    return InputProblem(f"file {given}", message, problem.fix, problem.node)


def _missing(made: Built, scene: str) -> Iterator[Problem]:
    fix = f"Add it to {scene}" if scene else "Name the .blend file that has it with --open, or before --command"
    for node, socket, kind, name in made.missing:
        where = scene or "the text alone"
        yield Problem(node, socket, f'{where} has no {kind} "{name}"', fix)
