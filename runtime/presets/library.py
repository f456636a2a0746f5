# SPDX-License-Identifier: GPL-3.0-or-later
"""A library of presets: a folder of .blend files, read in a thread, so that no menu waits for a slow share.

A file is never opened by Blender to be listed, and nothing in it runs: what it says of itself is read by our own
reader. Whatever a file holds, the worst that comes of it is a finding.
"""

from __future__ import annotations

import contextlib
import os
import stat
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from ..blend_file.asset_data import Picture, read_assets, read_picture
from ..errors import BlendFileError, PresetError
from . import catalogs, mirror, trust_list
from .mirror import Entry
from .preset import REMOVE, Finding, Preset, from_asset, is_preset, readable_from, version_numbers, version_text
from .trust_list import TrustList

#: Seconds until a library is looked at again.
_FRESH_SECONDS = 2.0
_MAX_DEPTH, _MAX_FILES = 4, 20_000
#: More is no preset; and nobody reads it to be told that.
MAX_SIZE: Final = 256 * 1024 * 1024
_IF_PRESET: Final = "Nothing, if it is no preset; else save it again"
_COMPRESSED: Final = (b"\x28\xb5\x2f\xfd", b"\x1f\x8b")


class _NoPresetError(BlendFileError):
    """A file as no preset is, which nobody looks into: libraries hold all kinds of assets."""


@dataclass(frozen=True, slots=True)
class _Read:
    """What a file says, as it was when it was read."""

    stamp: tuple[int, int]
    presets: tuple[Preset, ...]
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class _Listed:
    """What was found: all presets by name, the newest of each, what is wrong, and all versions by uuid."""

    presets: tuple[Preset, ...] = ()
    newest: tuple[Preset, ...] = ()
    findings: tuple[Finding, ...] = ()
    versions: Mapping[str, Sequence[Preset]] = field(default_factory=dict)


class PresetLibrary:
    """A folder of presets, and what was found in it when it was last read.

    Args:
        folder: where it is.
        name: what the artist calls it.
    """

    def __init__(self, folder: str, name: str = "") -> None:
        self.folder = Path(folder)
        self.name = name or self.folder.name
        self._listed = _Listed()
        self._trust_list: TrustList | None = None
        self._trust_digest: str | None = None
        self._stamps: dict[str, int] = {}
        self._known: dict[str, _Read] = {}
        self._read_at = float("-inf")
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._has_listed = threading.Event()

    # What is known: none of this looks at a disk.

    def presets(self) -> tuple[Preset, ...]:
        """All versions of all presets, by name."""
        return self._listed.presets

    def newest(self) -> tuple[Preset, ...]:
        """The newest version of each preset, by name."""
        return self._listed.newest

    def find(self, uuid: str, version: int = 0) -> Preset | None:
        """A version of a preset, or the newest one; None if it is not there."""
        found = self._listed.versions.get(uuid, ())  # nodes that are drawn ask for theirs
        if version:
            return next((preset for preset in found if preset.version == version), None)
        return max(found, key=lambda preset: preset.version, default=None)

    def findings(self) -> tuple[Finding, ...]:
        """What is wrong with its files."""
        return self._listed.findings

    @property
    def trust_list(self) -> TrustList | None:
        """Its list of scripts that may run, if a person confirms it; None if it has none."""
        return self._trust_list

    @property
    def trust_digest(self) -> str | None:
        """The digest of that list, "" if it has none that can be read; None if nobody could look."""
        return self._trust_digest

    @property
    def is_listed(self) -> bool:
        """Whether it was read at all."""
        return self._has_listed.is_set()

    def wait(self, timeout: float) -> bool:
        """Wait until it was read at all. Returns whether it was."""
        return self._has_listed.wait(timeout)

    # Reading

    @property
    def is_being_read(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def read_soon(self) -> None:
        """Read it in a thread, if that was not done just now."""
        if self.is_being_read or time.monotonic() - self._read_at < _FRESH_SECONDS:
            return
        self._thread = threading.Thread(target=self.read, name="presets", daemon=True)
        self._thread.start()

    def read(self, *, is_thorough: bool = False) -> None:
        """Read it now. If nothing was added or removed since, that is one look-up for each folder of it.

        Args:
            is_thorough: read each file, and compare it with what the mirror says.
        """
        with self._lock:
            try:
                if is_thorough or not self._is_as_it_was():
                    self._read(is_thorough=is_thorough)
            finally:
                self._read_at = time.monotonic()
                self._has_listed.set()

    def add(self, presets: Iterable[Preset]) -> None:
        """Know of presets whose file was just written, before it is read."""
        listed = self._listed
        self._listed = replace(_in_order([*listed.presets, *presets], {}, ()), findings=listed.findings)
        self.forget()

    def forget(self) -> None:
        """Read all anew next time: a file of it was written.

        Nobody waits for a thread that is reading: it has noted the time of the folder as it was before.
        """
        self._stamps = {}
        self._read_at = float("-inf")

    def _is_as_it_was(self) -> bool:
        try:
            return bool(self._stamps) and all(
                os.stat(folder).st_mtime_ns == stamp  # noqa: PTH116 (one look-up, and one way to count them)
                for folder, stamp in self._stamps.items()
            )
        except OSError:
            return False

    def _read(self, *, is_thorough: bool) -> None:
        findings: list[Finding] = []
        stamps: dict[str, int] = {}
        files = dict.fromkeys(_files(self.folder, "", stamps, findings))
        said = mirror.read(self.folder)
        findings += said.findings
        mirrored = {} if is_thorough else {name: entry for name, entry in said.entries.items() if name in files}
        gone = sorted(said.entries.keys() - files.keys())
        findings += [_gone(self.folder, name) for name in gone]
        read = {name: self._read_file(name) for name in files if name not in mirrored}
        paths = self._catalogs(findings)
        self._read_trust_list(stamps, findings)
        self._publish(mirrored, read, paths, findings)
        self._has_listed.set()  # what the mirror says is enough for a menu; whether it is right may take long to tell
        for name, entry in said.entries.items():
            if name in files and (finding := self._difference(name, entry, is_thorough=is_thorough)) is not None:
                findings.append(finding)
                mirrored.pop(name, None)
                read[name] = read.get(name) or self._read_file(name)
        self._publish(mirrored, read, paths, findings)
        self._known = read
        self._stamps = stamps

    def _catalogs(self, findings: list[Finding]) -> dict[str, str]:
        """The catalogs of the library: artists rename them in Blender, and no preset hears of that."""
        try:
            return catalogs.read(self.folder)
        except OSError as error:
            file, message = str(self.folder / catalogs.FILE_NAME), f"it can't be read: {error.strerror}"
            findings.append(Finding(file, message, "See who may read it", is_error=False))
            return {}

    def _read_trust_list(self, stamps: dict[str, int], findings: list[Finding]) -> None:
        if not stamps:  # it is away: what was confirmed stays
            return
        file = self.folder / trust_list.FILE_NAME
        found = None
        try:
            with contextlib.suppress(FileNotFoundError):  # it may be changed in its place: no folder tells of that
                stamps[str(file)] = os.stat(file).st_mtime_ns  # noqa: PTH116
            found = trust_list.read(self.folder)
        except PresetError as error:
            findings.append(Finding(str(file), error.message, error.fix))
        except OSError as error:
            findings.append(Finding(str(file), f"it can't be read: {error.strerror}", "See who may read it"))
        self._trust_list, self._trust_digest = found, "" if found is None else found.digest

    def _publish(
        self,
        mirrored: Mapping[str, Entry],
        read: Mapping[str, _Read],
        paths: Mapping[str, str],
        findings: list[Finding],
    ) -> None:
        presets = [preset for entry in mirrored.values() for preset in entry.presets]
        presets += [preset for each in read.values() for preset in each.presets]
        all_findings = [*findings, *(each for one in read.values() for each in one.findings)]
        self._listed = _in_order(presets, paths, all_findings)

    def _difference(self, name: str, entry: Entry, *, is_thorough: bool) -> Finding | None:
        """Why what the mirror says of a file is not true; None if it is, as far as its size or its digest tells."""
        file = self.folder / name
        try:
            if is_thorough:
                content = content_of(file)
                is_same = len(content) == entry.size and mirror.digest_of(content) == entry.digest
            else:
                is_same = os.stat(file).st_size == entry.size  # noqa: PTH116
        except (OSError, BlendFileError):
            is_same = False
        message = "it is not the file that the list of presets knows: it was changed, or the list was"
        fix = "Look at what it is, then write the list anew with `background-nodes presets check --write-mirror`"
        return None if is_same else Finding(str(file), message, fix)

    def _read_file(self, name: str) -> _Read:
        file = self.folder / name
        try:
            status = os.stat(file)  # noqa: PTH116
            stamp = status.st_mtime_ns, status.st_size
        except OSError:
            stamp = 0, 0
        known = self._known.get(name)
        if known is not None and known.stamp == stamp:
            return known
        try:
            presets, findings = presets_in(content_of(file), str(file), str(self.folder))
        except _NoPresetError as error:
            presets, findings = (), (Finding(str(file), f"it {error}", _IF_PRESET, is_error=False),)
        except BlendFileError as error:
            presets, findings = (), (Finding(str(file), f"it {error}", REMOVE),)
        return _Read(stamp, presets, findings)

    # The mirror

    def entry(self, name: str) -> Entry:
        """What a mirror is to say of a file. Raises BlendFileError."""
        content = content_of(self.folder / name)
        presets, _findings = presets_in(content, str(self.folder / name), str(self.folder))
        return Entry(len(content), mirror.digest_of(content), presets)

    def write_mirror(self) -> None:
        """Write the mirror anew, of what the files themselves say. Raises PresetError."""
        entries = {}
        for name in _files(self.folder, "", {}, []):
            try:
                entry = self.entry(name)
            except BlendFileError:
                continue
            if entry.presets:
                entries[name] = entry
        mirror.write(self.folder, entries)
        self.forget()


def _in_order(presets: Iterable[Preset], paths: Mapping[str, str], findings: Iterable[Finding]) -> _Listed:
    presets = sorted(presets, key=lambda preset: (preset.file, preset.name))
    first: dict[tuple[str, int], Preset] = {}
    for preset in presets:
        path = paths.get(preset.catalog_id, preset.catalog)
        first.setdefault(preset.key, preset if path == preset.catalog else replace(preset, catalog=path))
    versions: dict[str, list[Preset]] = {}
    for preset in first.values():
        versions.setdefault(preset.uuid, []).append(preset)
    newest = (max(each, key=lambda preset: preset.version) for each in versions.values())
    return _Listed(
        tuple(sorted(first.values(), key=_by_name)),
        tuple(sorted(newest, key=_by_name)),
        (*findings, *mirror.duplicates(presets)),
        versions,
    )


def _by_name(preset: Preset) -> tuple[str, str, int]:
    return preset.name.casefold(), preset.uuid, preset.version


def _gone(folder: Path, name: str) -> Finding:
    fix = "Put it back, or write the list anew with `background-nodes presets check --write-mirror`"
    return Finding(str(folder / name), "the list of presets knows it, and it is not there", fix, is_error=False)


def _files(folder: Path, inside: str, stamps: dict[str, int], findings: list[Finding]) -> Iterator[str]:
    """The .blend files of a folder and those in it, by their paths in the library; the time of each folder is noted."""
    try:
        stamps[str(folder)] = os.stat(folder).st_mtime_ns  # noqa: PTH116
        with os.scandir(folder) as found:
            entries = sorted(found, key=lambda entry: entry.name)
    except OSError as error:
        findings.append(Finding(str(folder), f"it can't be read: {error.strerror}", "See whether the disk is there"))
        return
    folders = []
    for entry in entries[:_MAX_FILES]:
        if entry.name.startswith("."):
            continue
        if entry.is_dir(follow_symlinks=False):
            folders.append(entry)
        elif entry.name.lower().endswith(".blend"):
            yield f"{inside}{entry.name}"
    for entry in folders if inside.count("/") < _MAX_DEPTH else ():
        yield from _files(Path(entry.path), f"{inside}{entry.name}/", stamps, findings)


def content_of(file: Path) -> bytes:
    """The bytes of a file of a library. Raises BlendFileError.

    It is not mapped into memory: a share that goes away meanwhile would end Blender.
    """
    try:
        status = file.stat()
        if not stat.S_ISREG(status.st_mode):  # to read a pipe would block
            raise BlendFileError("is no file")
        if status.st_size > MAX_SIZE:
            raise _NoPresetError(f"is larger than {MAX_SIZE // 1024**2} MB, as no preset is")
        with file.open("rb") as opened:
            content = opened.read(MAX_SIZE)
    except OSError as error:
        raise BlendFileError(f"can't be read: {error.strerror}") from error
    if not content:
        raise BlendFileError("is empty")
    if content.startswith(_COMPRESSED):  # a small one may hold any amount of zeros
        raise _NoPresetError("is compressed, which files of a library of presets are not")
    return content


def presets_in(content: bytes, file: str, library: str) -> tuple[tuple[Preset, ...], tuple[Finding, ...]]:
    """The presets that a .blend file holds, and what is wrong with it. Raises BlendFileError if it can't be read."""
    presets: list[Preset] = []
    findings: list[Finding] = []
    for asset in read_assets(memoryview(content)):
        if not is_preset(asset):
            continue
        try:
            preset = from_asset(asset, file=file, library=library)
        except PresetError as error:
            findings.append(Finding(file, error.message, error.fix))
            continue
        writer = version_numbers(version_text(asset.version))
        needs = max(readable_from(writer), version_numbers(preset.needs_blender))
        presets.append(replace(preset, needs_blender=".".join(map(str, needs))))
    return tuple(presets), tuple(findings)


def read_again(preset: Preset) -> Preset:
    """A preset as its file says, whatever a mirror says of it. Raises PresetError if it is not there."""
    try:
        presets, findings = presets_in(content_of(Path(preset.file)), preset.file, preset.library)
    except BlendFileError as error:
        raise PresetError(f"{preset.file} {error}", REMOVE) from error
    found = next((each for each in presets if each.key == preset.key and each.name == preset.name), None)
    if found is None:
        said = f": {findings[0].message}" if findings else ""
        message = f'{preset.file} does not hold version {preset.version} of "{preset.name}"{said}'
        raise PresetError(message, "Read the library again, or ask who keeps it")
    return found


def picture_of(preset: Preset) -> Picture | None:
    """The picture in its file, None if there is none, or it can't be read. Reads the file: for a thread."""
    try:
        return read_picture(memoryview(content_of(Path(preset.file))), preset.name) if preset.file else None
    except BlendFileError:
        return None
