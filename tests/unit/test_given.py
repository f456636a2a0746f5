# SPDX-License-Identifier: GPL-3.0-or-later
"""The digest of what an item gave: equal for the same, and for nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from background_nodes.runtime.engine.given import given_digest
from background_nodes.runtime.keys.files import FileState
from background_nodes.runtime.scratch.scratch import ScratchFolder
from background_nodes.runtime.scratch.typed_values import TypedValue
from background_nodes.runtime.script.socket_types import SocketType, StoredRef

MESHES = SocketType("Mesh", is_list=True)


def mesh(name: str, blob: str) -> StoredRef:
    return StoredRef("Mesh", name, "", blob)


def digest(folder: Path, blob: str, names: str, contents: dict[str, str], *written: FileState) -> str:
    """The digest of a list of meshes, by their names, of a blob in which they have these contents."""
    path = folder / blob
    path.touch()
    rows = [["Mesh", name, "", content, "", False, "", [], []] for name, content in contents.items()]
    path.with_suffix(".digests.json").write_text(json.dumps(rows))
    value = TypedValue(MESHES, tuple(mesh(name, blob) for name in names))
    return given_digest({"result": value}, written, path, ScratchFolder(folder))


@pytest.fixture
def first(tmp_path: Path) -> str:
    return digest(tmp_path, "1.blend", "ab", {"a": "1", "b": "1"})


def test_the_same_in_another_blob_is_the_same(tmp_path: Path, first: str) -> None:
    assert digest(tmp_path, "2.blend", "ab", {"a": "1", "b": "1"}) == first != ""


def test_other_contents_or_places_are_not_the_same(tmp_path: Path, first: str) -> None:
    assert digest(tmp_path, "2.blend", "ab", {"a": "1", "b": "2"}) != first
    assert digest(tmp_path, "3.blend", "a", {"a": "1"}) != first
    assert digest(tmp_path, "4.blend", "aa", {"a": "1", "b": "1"}) != first, "one mesh twice is not two that are equal"


def test_another_file_that_was_written_is_not_the_same(tmp_path: Path, first: str) -> None:
    contents = {"a": "1", "b": "1"}
    assert digest(tmp_path, "2.blend", "ab", contents, FileState("/out.txt", "x")) != first


def test_what_has_no_digest_is_the_same_as_nothing(tmp_path: Path) -> None:
    assert digest(tmp_path, "1.blend", "ab", {"a": "1", "b": ""}) == ""
    assert digest(tmp_path, "2.blend", "ab", {"a": "1"}) == ""
