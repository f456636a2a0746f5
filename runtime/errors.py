# SPDX-License-Identifier: GPL-3.0-or-later
"""Every error the project raises on purpose, and `Problem`, what is wrong with a graph before it runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class BackgroundNodesError(Exception):
    """The base of all errors raised by Background Nodes."""


class SignatureError(BackgroundNodesError):
    """A script whose signature can't be read. `line` is 1-based, None where no line is at fault."""

    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(message if line is None else f"line {line}: {message}")
        self.message = message
        self.line = line


class MisfitError(BackgroundNodesError):
    """A value that its type, range or choices don't allow. `fix` says which value would fit."""

    def __init__(self, message: str, fix: str) -> None:
        super().__init__(f"{message}; {fix[:1].lower()}{fix[1:]}")
        self.message = message
        self.fix = fix


def as_sentences(message: str, fix: str) -> str:
    """What is wrong, and how to fix it. A fix may be a question."""
    return f"{message}. {fix}" if fix.endswith("?") else f"{message}. {fix}."


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that stops a graph from running: where it is, what it is and how to fix it.

    Attributes:
        node: name of the node at fault, "" for the whole tree.
        socket: label of the socket at fault, "" for the whole node.
        message: what is wrong, a sentence without a full stop.
        fix: what the artist can do about it, a sentence without a full stop, or a question.
        node_id: stable id of the node, for whoever wants to select it.
        line: 1-based line of the script, None where no line is at fault.
        needs_consent: whether all that is wrong is that the artist has not allowed the node's script to run.
    """

    node: str
    socket: str
    message: str
    fix: str
    node_id: str = ""
    line: int | None = None
    needs_consent: bool = False

    def __str__(self) -> str:
        where = f'node "{self.node}"' if self.node else "the tree"
        if self.socket:
            where += f', socket "{self.socket}"'
        if self.line is not None:
            where += f", line {self.line}"
        return f"{where}: {as_sentences(self.message, self.fix)}"


class CompileError(BackgroundNodesError):
    """A graph that can't run. `problems` holds every reason at once."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class TextFormError(BackgroundNodesError):
    """A node tree can't be written as text, or made of one. Nothing was made. `problems` holds every reason at once."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class DumpError(TextFormError):
    """A node tree holds what its text can't."""


class BuildError(TextFormError):
    """A text is none of a node tree, or of one that this Blender, or this file, can't have."""


class InvalidTransitionError(BackgroundNodesError):
    """The scheduler was given an impossible event or request. `story` has the last changes of the task's state."""

    def __init__(self, message: str, story: Sequence[str]) -> None:
        super().__init__("\n  ".join([message, *story]))
        self.story = tuple(story)


class LaunchError(BackgroundNodesError):
    """No worker could be started. The message holds what the worker printed last."""


class TransportError(BackgroundNodesError):
    """A channel got something that is no message, or a message that is too long."""


class EngineError(BackgroundNodesError):
    """An engine can't be chosen, or can't be used as it was chosen. `fix` says what to do about it."""

    def __init__(self, message: str, fix: str) -> None:
        super().__init__(as_sentences(message, fix))
        self.message = message
        self.fix = fix


class StoreError(BackgroundNodesError):
    """The scratch folder can't be written or read. The message names the path and the reason."""


class UnwrittenError(StoreError):
    """A file of the scratch folder can't be written, mostly because its disk is full: no script is at fault."""


class BlendFileError(BackgroundNodesError):
    """A .blend file that can't be read without Blender. The message says what is wrong with it."""


class PresetError(BackgroundNodesError):
    """A preset can't be read, saved or used. `fix` says what to do about it."""

    def __init__(self, message: str, fix: str) -> None:
        super().__init__(as_sentences(message, fix))
        self.message = message
        self.fix = fix

    @classmethod
    def of(cls, problem: Problem) -> PresetError:
        """What is wrong with the tree of a preset."""
        return cls(f"{problem.node}: {problem.message}" if problem.node else problem.message, problem.fix)


class RunError(BackgroundNodesError):
    """A run can't be started, or a result can't be fetched."""
