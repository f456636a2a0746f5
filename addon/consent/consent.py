# SPDX-License-Identifier: GPL-3.0-or-later
"""The gate: before a run starts, it says which scripts of its tasks may not run.

It looks at the scripts of the tasks themselves, as they would run, and not at the node tree, which may have been
another one a moment ago. A script may run if it ships with Background Nodes, if the artist allowed it, or if it is the
artist's own. Of a shipped one that starts programs or deletes files, what it is given is asked for (`commands.py`).

It reaches Blender only through a small protocol, `Host`, so that it can be tested without Blender.
"""

from __future__ import annotations

import contextlib
import difflib
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from typing import Protocol

from ...runtime.errors import CompileError, Problem, SignatureError, StoreError
from ...runtime.keys import own_modules
from ...runtime.keys.own_modules import ScriptPart
from ...runtime.planning.plan import PlannedTask
from ...runtime.script.signature import ScriptSource
from . import commands
from .origins import Origins, Standing
from .trusted_scripts import TrustedScript, TrustedScripts

FIX = "Read it, and allow it"


class Host(Protocol):
    """What the gate needs of the Blender it lives in."""

    def report_texts(self, origins: Origins) -> None:
        """Tell what the texts hold now that node trees use as scripts, and which files they name."""
        ...

    def is_shipped(self, script: ScriptSource) -> bool:
        """Whether it is a file of the shipped library."""
        ...

    def runs_scripts(self) -> bool:
        """Whether Blender itself would run the Python code in the open file."""
        ...

    def open_file(self) -> str:
        """The path of the open file, "" if it was never saved."""
        ...


@dataclass(frozen=True, slots=True)
class ScriptQuestion:
    """A script that may not run yet.

    Attributes:
        digest: of its parts; "" if they can't be read, and so can't be allowed.
        name: of its text, or of its file.
        origin: the file that it came with, or that it is; "" if nobody knows.
        nodes: the nodes that would run it: their ids and names.
        parts: itself, and its modules.
        fault: why it can't be allowed, "" if it can.
        kind: what it is, for people.
    """

    digest: str
    name: str
    origin: str
    nodes: tuple[tuple[str, str], ...]
    parts: tuple[ScriptPart, ...] = ()
    fault: str = ""
    kind: str = "script"

    def problems(self) -> Iterator[Problem]:
        source = PurePath(self.origin).name
        came = f" came with {source} and" if source not in ("", self.name) else ""
        message = f'its {self.kind} "{self.name}"{came} is not allowed to run yet'
        fix = "Have fewer modules beside it, or give it a folder of its own" if self.fault else FIX
        message += f": {self.fault}" if self.fault else ""
        for uid, name in self.nodes:
            yield Problem(name, "", message, fix, uid, needs_consent=not self.fault)


class ConsentError(CompileError):
    """Scripts that the artist has not allowed to run. Nothing ran. `problems` has one for each node."""

    def __init__(self, questions: Sequence[ScriptQuestion]) -> None:
        self.questions = tuple(questions)
        super().__init__([problem for question in questions for problem in question.problems()])


class Consent:
    """What the artist allowed, and the gate that goes by it.

    Attributes:
        trusted: the scripts that are allowed for good.
        origins: where scripts come from.
    """

    def __init__(self, host: Host, trusted: TrustedScripts) -> None:
        self.trusted = trusted
        self.origins = Origins(self._allowed)
        self._host = host
        self._allowed_now: dict[str, ScriptQuestion] = {}
        self._used: set[str] = set()  # trusted ones whose use was noted
        self._script_folders: Callable[[], Sequence[str]] = tuple
        self._is_listed: Callable[[str], bool] | None = None

    def use_script_folders(self, script_folders: Callable[[], Sequence[str]]) -> None:
        """Take all scripts in these folders for the artist's own: the function is called whenever they are needed."""
        self._script_folders = script_folders

    def use_trust_lists(self, is_listed: Callable[[str], bool] | None) -> None:
        """Let scripts run that are on a list which the artist has confirmed: the function tells by their digests."""
        self._is_listed = is_listed

    # The gate

    def check(self, tasks: Iterable[PlannedTask]) -> None:
        """Raise ConsentError if a script of these tasks may not run."""
        if questions := self.questions(tasks):
            raise ConsentError(questions)

    def questions(self, tasks: Iterable[PlannedTask]) -> tuple[ScriptQuestion, ...]:
        """The scripts of these tasks that may not run, each once."""
        self._host.report_texts(self.origins)
        tasks = tuple(tasks)
        nodes: dict[ScriptSource, list[tuple[str, str]]] = {}
        for task in tasks:
            nodes.setdefault(task.script, []).append((task.id, task.name))
        asked: dict[tuple[str, str], ScriptQuestion] = {}

        def ask(question: ScriptQuestion, users: Iterable[tuple[str, str]]) -> None:
            known = asked.get((question.digest, question.name), question)
            asked[question.digest, question.name] = replace(known, nodes=(*known.nodes, *users))

        trusts_file: bool | None = None
        for script, users in nodes.items():
            question = self._question(script)
            if question is not None and trusts_file is None:
                trusts_file = self._host.runs_scripts()  # which takes a while
            is_trusted = trusts_file and question is not None and self._is_of_a_file(question, script)
            if question is not None and not is_trusted:
                ask(question, users)
        for task, command in self._commands(tasks):
            ask(command, [(task.id, task.name)])
        return tuple(asked.values())

    def _commands(self, tasks: Sequence[PlannedTask]) -> Iterator[tuple[PlannedTask, ScriptQuestion]]:
        """Tasks that start programs or delete files, and what to ask of each. Who trusts the open file trusts none."""
        for task in tasks:
            if not (commands.is_asked_for(task.script) and self._host.is_shipped(task.script)):
                continue
            parts = (commands.part(task),)
            digest = own_modules.digest(parts)
            if self._allowed(digest):
                self._note_use(digest)
            else:
                yield task, ScriptQuestion(digest, commands.title(task), "", (), parts, kind="command")

    def _is_of_a_file(self, question: ScriptQuestion, script: ScriptSource) -> bool:
        """Whether it counts for a script that Blender runs what is in the open file."""
        path, parts = own_path(script), map(own_modules.digest_of_part, question.parts)
        return self.origins.is_file_of_open_file(path) and all(map(self.origins.is_text_of_open_file, parts))

    def _question(self, script: ScriptSource) -> ScriptQuestion | None:
        """What to ask of a script, None if it may run."""
        if self._host.is_shipped(script) or self._is_own_file(script):
            return None
        name = PurePath(script.filename).name
        try:
            parts = own_modules.read(script)
        except SignatureError as error:
            return ScriptQuestion("", name, script.filename, (), fault=error.message)
        digest = own_modules.digest(parts)
        if self._standing(script, parts, digest):
            self._note_use(digest)
            return None
        origin = script.filename if script.is_file else self._source(parts, digest)
        return ScriptQuestion(digest, name, origin, (), parts)

    def _standing(self, script: ScriptSource, parts: Sequence[ScriptPart], digest: str) -> Standing:
        """For how long it may run. A text and its modules may, too, if each of these texts may."""
        standing = self.origins.standing(digest)
        if standing or script.is_file or len(parts) == 1:
            return standing
        return min(self.origins.standing(own_modules.digest_of_part(part)) for part in parts)

    def _source(self, parts: Sequence[ScriptPart], digest: str) -> str:
        found = (digest, *map(own_modules.digest_of_part, parts))
        return next(filter(None, map(self.origins.source, found)), "")

    def _is_own_file(self, script: ScriptSource) -> bool:
        path = own_path(script)
        if path is None:
            return False
        folders = [resolved(folder) for folder in self._script_folders()]
        return self.origins.is_own_file(path) or any(path.is_relative_to(folder) for folder in folders)

    def _note_use(self, digest: str) -> None:
        if digest not in self._used:
            self._used.add(digest)
            self.trusted.note_use(digest)

    # What is allowed

    def _allowed(self, digest: str) -> Standing:
        if digest in self.trusted or (self._is_listed is not None and self._is_listed(digest)):
            return Standing.LASTING
        return Standing.SESSION if digest in self._allowed_now else Standing.NONE

    def may_run(self, script: ScriptSource) -> bool:
        return self._question(script) is None

    def allow(self, question: ScriptQuestion) -> None:
        """Let a script run until Blender is closed."""
        if question.digest:
            self._allowed_now[question.digest] = question

    def trust(self, question: ScriptQuestion) -> None:
        """Let a script run from now on. Raises StoreError."""
        if question.digest:
            self.trusted.add(question.digest, question.name, question.origin, question.parts, is_own=False)

    def revoke(self, digests: Iterable[str]) -> None:
        """Ask for these scripts again. Raises StoreError."""
        digests = tuple(digests)
        for digest in digests:
            self._allowed_now.pop(digest, None)
            self.origins.revoke(digest)
        self.trusted.remove(digests)

    # What is the artist's own

    def is_own(self, script: ScriptSource) -> bool:
        """Whether the artist wrote it, here or in an earlier session."""
        if self._is_own_file(script):
            return True
        with contextlib.suppress(SignatureError):
            digest = own_modules.digest(own_modules.read(script))
            kept = self.trusted.read(digest)
            return self.origins.was_written_here(digest) or (kept is not None and kept.is_own)
        return False

    def choose_file(self, script: ScriptSource) -> None:
        """The artist chose this file as a script here, or opens it in another program to edit it."""
        self.origins.chose(resolved(script.filename), may_run=self.may_run(script))

    def keep_own(self, scripts: Iterable[ScriptSource]) -> None:
        """Trust what the artist wrote here for good, so that nobody asks for it when the file is opened again."""
        for script in dict.fromkeys(scripts):
            if self._host.is_shipped(script):
                continue
            try:
                parts = own_modules.read(script)
                digest = own_modules.digest(parts)
                if self._is_to_keep(script, parts, digest) and digest not in self.trusted:
                    name, origin = PurePath(script.filename).name, self._host.open_file()
                    self.trusted.add(digest, name, script.filename if script.is_file else origin, parts, is_own=True)
            except (SignatureError, StoreError):  # it is asked for when the file is opened again
                continue

    def _is_to_keep(self, script: ScriptSource, parts: Sequence[ScriptPart], digest: str) -> bool:
        path = own_path(script)
        if path is not None:
            return self.origins.is_own_file(path)
        written = map(self.origins.was_written_here, map(own_modules.digest_of_part, parts))
        return self.origins.was_written_here(digest) or all(written)

    # What the artist is shown

    def earlier(self, question: ScriptQuestion) -> ScriptQuestion | TrustedScript | None:
        """The version of a script that was allowed last; None if none was."""
        found = [*reversed(self._allowed_now.values()), *self.trusted.listed()]
        named = [script for script in found if _without_number(script.name) == _without_number(question.name)]
        same = [script for script in named if script.origin == question.origin]
        last = next(iter([*same, *named]), None)
        return self.trusted.read(last.digest) if isinstance(last, TrustedScript) else last


def _without_number(name: str) -> str:
    """The name that a text had before Blender gave it a number, as it does beside another version of it."""
    return re.sub(r"\.\d{3,}$", "", name)


def difference(old: Sequence[ScriptPart], new: Sequence[ScriptPart]) -> list[str]:
    """How parts of a script differ, as a unified diff; none of a part that is the same."""
    before, after = ({part.name: part for part in parts} for parts in (old, new))
    lines: list[str] = []
    for name in dict.fromkeys([*after, *before]):
        if before.get(name) != after.get(name):
            lines += [f"=== {name}"] if name else []
            lines += list(difflib.unified_diff(_lines(before.get(name)), _lines(after.get(name)), lineterm=""))[2:]
    return lines


def content(parts: Sequence[ScriptPart]) -> list[str]:
    """All that would run, as lines."""
    lines: list[str] = []
    for part in parts:
        lines += [f"=== {part.name}"] if part.name else []
        lines += _lines(part)
    return lines


def _lines(part: ScriptPart | None) -> list[str]:
    if part is None:
        return []
    return [f"({len(part.content)} bytes that are no text)"] if part.text is None else part.text.splitlines()


def own_path(script: ScriptSource) -> Path | None:
    """The file that a script is, None if it is none.

    A link to a file is another one: what lies beside the link is what the script imports.
    """
    path = resolved(script.filename)
    return path if script.is_file and resolved(script.folder) == path.parent else None


def resolved(path: str) -> Path:
    """A file by the path that is its own, without links and `..`."""
    return Path(path).resolve()
