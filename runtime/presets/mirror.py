# SPDX-License-Identifier: GPL-3.0-or-later
"""The mirror of a library: one JSON file with what its .blend files say, so that nobody has to open each of them.

A library without it works, and so does one whose mirror lags behind: the files that it does not know are read
themselves. What it says is shown; before a preset is used, its file is asked.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, Final

from .. import wire
from ..atomic_write import atomic_write
from ..errors import PresetError
from .preset import Finding, Preset, from_json, to_json

FILE_NAME: Final = "background_nodes_presets.json"
FORMAT: Final = 1
_MAX_SIZE: Final = 64 * 1024 * 1024
_FIX: Final = "Write it anew with `background-nodes presets check --write-mirror`"


@dataclass(frozen=True, slots=True)
class _Record:
    """The file."""

    format: int
    files: dict[str, object]


@dataclass(frozen=True, slots=True)
class _EntryRecord:
    """What it says of a file."""

    size: int
    digest: str
    presets: tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """What the mirror says of a file.

    Attributes:
        size: of the file, in bytes.
        digest: SHA-256 of all of it.
        presets: the presets in it.
    """

    size: int
    digest: str
    presets: tuple[Preset, ...]


@dataclass(frozen=True, slots=True)
class Mirror:
    """What the mirror says of each file, by its path in the library, with "/" between folders."""

    entries: Mapping[str, Entry] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()


def read(folder: Path) -> Mirror:
    """The mirror of a library; an empty one if there is none, or none that can be read."""
    file = folder / FILE_NAME
    try:
        with file.open("rb") as opened:
            content = opened.read(_MAX_SIZE + 1)
        record = _record(content)
    except FileNotFoundError:
        return Mirror()
    except OSError as error:
        return Mirror(findings=(Finding(str(file), f"it can't be read: {error.strerror}", "See who may read it"),))
    except (ValueError, TypeError, RecursionError) as error:
        return Mirror(findings=(Finding(str(file), f"it is no list of presets ({error})", _FIX),))
    entries: dict[str, Entry] = {}
    findings: list[Finding] = []
    for name, said in record.files.items():
        try:
            entries[name] = _entry(folder, name, said)
        except PresetError as error:
            findings.append(Finding(str(file), f"of {name[:100]!r}: {error.message}", _FIX))
    return Mirror(entries, tuple(findings))


def _entry(folder: Path, name: str, said: Any) -> Entry:
    if not is_inside(name):
        raise PresetError("it is no file of the library", _FIX)
    try:
        record = wire.decode(_EntryRecord, said)
    except TypeError:
        raise PresetError("what is said of it can't be read", _FIX) from None
    found = (from_json(each, file=str(folder / name), library=str(folder)) for each in record.presets)
    return Entry(record.size, record.digest, tuple(found))


def _record(content: bytes) -> _Record:
    """Raises TypeError, ValueError or RecursionError for what is none."""
    if len(content) > _MAX_SIZE:
        raise ValueError("it is too large")
    record = wire.decode(_Record, json.loads(content))
    if record.format != FORMAT:
        raise ValueError("it is of another format")
    return record


def is_inside(name: str) -> bool:
    """Whether a name can be that of a file in the library: it leads nowhere else, on any system."""
    path = PurePosixPath(name)
    is_plain = not path.is_absolute() and ".." not in path.parts and name == str(path)
    return is_plain and not any(sign in name for sign in "\\:\0") and path.suffix.lower() == ".blend"


def digest_of(content: bytes | memoryview) -> str:
    """Of all of a file, as hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def write(folder: Path, entries: Mapping[str, Entry]) -> None:
    """Write the mirror: whole, or not at all. Raises PresetError."""
    files: dict[str, object] = {
        name: wire.encode(_EntryRecord(entry.size, entry.digest, tuple(map(to_json, entry.presets))))
        for name, entry in sorted(entries.items())
    }
    text = json.dumps(wire.encode(_Record(FORMAT, files)), ensure_ascii=False, indent=1)
    file = folder / FILE_NAME
    try:
        atomic_write(file, text)
    except OSError as error:
        message = f"the list of presets of the library can't be written: {error.strerror}"
        raise PresetError(message, f"See who may write to {file}") from error


def add(folder: Path, new: Mapping[str, Entry]) -> None:
    """Add files to the mirror, as it is in this moment. Raises PresetError.

    Of two Blenders that do so at the same time, one may lose its lines: its file is then read by itself.
    """
    write(folder, {**read(folder).entries, **new})


def duplicates(presets: Iterable[Preset]) -> Iterator[Finding]:
    """Files that say that they are the same version of the same preset, but for the first of them, by name."""
    seen: dict[tuple[str, int], Preset] = {}
    for preset in presets:
        first = seen.setdefault(preset.key, preset)
        if first is not preset:
            message = f'it says that it is version {preset.version} of "{first.name}", and so does {first.file}'
            yield Finding(preset.file, message, "Remove one of the two, or save it as a preset of its own")
