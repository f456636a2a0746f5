# SPDX-License-Identifier: GPL-3.0-or-later
"""The command `presets`, as far as it needs no Blender: what a library holds, and what is wrong with it."""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from ...runtime.errors import PresetError
from ...runtime.presets.library import PresetLibrary
from ...runtime.presets.preset import Finding, Preset, to_json
from .terminal_text import harmless, one_line

#: Increased with each change that readers of the JSON must follow.
_VERSION: Final = 1
EXIT_FAILED: Final = 1
EXIT_BAD_INPUT: Final = 2


@dataclass
class Report:
    """What an action tells: lines for people, and the same for programs."""

    lines: list[str] = field(default_factory=list)
    fields: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    exit_code: int = 0

    def add_findings(self, findings: Iterable[Finding]) -> None:
        """Tell what is wrong. What is no error does not make the command fail."""
        found = list(findings)
        self.fields["findings"] = [asdict(finding) for finding in found]
        for finding in found:
            where = f"{finding.file}, node {finding.node}" if finding.node else finding.file
            self.lines.append(f"{where}: {finding.message}. {finding.fix}.")
        if any(finding.is_error for finding in found):
            self.exit_code = EXIT_FAILED

    def refuse(self, error: PresetError, exit_code: int = EXIT_FAILED) -> None:
        self.notes.append(str(error))
        self.exit_code = exit_code


class NoPresetError(PresetError):
    """A preset that was named is not there."""


def finished(report: Report, options: argparse.Namespace) -> tuple[int, str]:
    """The exit code, and the text for standard output. Notes go to standard error."""
    with contextlib.suppress(OSError):
        sys.stderr.writelines(f"{harmless(note)}\n" for note in report.notes)
    if not options.json:
        return report.exit_code, "".join(f"{one_line(line)}\n" for line in report.lines)
    content = {"version": _VERSION, "exit_code": report.exit_code, **report.fields, "notes": report.notes}
    return report.exit_code, json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def carry_out(options: argparse.Namespace) -> tuple[int, str]:
    """Do what the options ask for: `list`, `show` or `check`."""
    report = Report()
    try:
        library = read_library(options.library, is_thorough=options.action == "check")
        if options.action == "list":
            _list(library.presets() if options.all else library.newest(), report)
        elif options.action == "show":
            _show(find(library, options.preset, options.version), report)
        else:
            _check(library, options, report)
    except NoPresetError as error:
        report.refuse(error, EXIT_BAD_INPUT)
    except PresetError as error:
        report.refuse(error)
    return finished(report, options)


def read_library(folder: str, *, is_thorough: bool = False) -> PresetLibrary:
    """A library, as it is now. Raises NoPresetError if there is no such folder."""
    path = Path(folder).absolute()
    if not path.is_dir():
        raise NoPresetError(f"there is no folder {folder}", "Give the folder of a library")
    library = PresetLibrary(str(path))
    library.read(is_thorough=is_thorough)
    return library


def find(library: PresetLibrary, said: str, version: int = 0) -> Preset:
    """The preset that somebody named. Raises NoPresetError."""
    file = str(Path(said).absolute())
    found = [preset for preset in library.presets() if said in (preset.uuid, preset.name) or preset.file == file]
    uuids = {preset.uuid for preset in found}
    if len(uuids) > 1:
        message = f'{len(uuids)} presets are called "{said}"'
        raise NoPresetError(message, f"Give the uuid of one of them: {', '.join(sorted(uuids))}")
    found = [preset for preset in found if version in (0, preset.version)]
    if not found:
        names = ", ".join(dict.fromkeys(preset.name for preset in library.newest()))
        message = f'there is no preset "{said}"{f" of version {version}" if version else ""}'
        raise NoPresetError(message, f"The library has: {names}" if names else "The library has no presets")
    return max(found, key=lambda preset: preset.version)


def record(preset: Preset) -> dict[str, Any]:
    """What is said of a preset, for programs."""
    return {**to_json(preset), "file": preset.file}


def _list(presets: Sequence[Preset], report: Report) -> None:
    report.fields["presets"] = [record(preset) for preset in presets]
    for preset in presets:
        catalog = f"  [{preset.catalog}]" if preset.catalog else ""
        needs = f"  Blender {preset.needs_blender}+"
        report.lines.append(f"{preset.name}  v{preset.version}  {preset.kind.lower()}{catalog}{needs}  {preset.uuid}")


def _show(preset: Preset, report: Report) -> None:
    report.fields["preset"] = record(preset)
    for name, value in record(preset).items():
        text = ", ".join(value) if isinstance(value, list | tuple) else str(value)
        if text not in ("", "0", "0.0"):
            report.lines.append(f"{name}: {text}")


def _check(library: PresetLibrary, options: argparse.Namespace, report: Report) -> None:
    report.fields["num_presets"] = len(library.presets())
    if options.write_mirror:
        library.write_mirror()
        library.read(is_thorough=True)
    report.add_findings(library.findings())
    report.lines.append(f"{len(library.presets())} presets, {len(library.findings())} findings")
