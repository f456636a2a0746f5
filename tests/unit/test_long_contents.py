# SPDX-License-Identifier: GPL-3.0-or-later
"""What a blob has in common with an earlier one is not hashed again; each byte of it counts all the same."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from background_nodes.runtime.blend_file import chunks
from background_nodes.runtime.blend_file.chunks import shortened
from background_nodes.runtime.blend_file.long_contents import LongContents, pieces, read

HEAD = b"what stands before it"
CHUNK = 1024


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunks, "CHUNK", CHUNK)
    monkeypatch.setattr(chunks, "_MAX_THREADS", 4)


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The chunks that are hashed, on several threads, so in any order."""
    found: list[bytes] = []

    def sha256(chunk: memoryview) -> object:
        found.append(bytes(chunk))
        return hashlib.sha256(chunk)

    monkeypatch.setattr(chunks, "sha256", sha256)
    return found


def digest(contents: list[bytes], *sources: Path, blob: Path | None = None) -> list[bytes]:
    """The digests of the chunks of long contents, which a blob consists of that is written."""
    long = LongContents(sources)
    views = list(map(memoryview, contents))
    found = [bytes(each) for each in shortened(views, long.find)]
    if blob is not None:
        blob.write_bytes(HEAD + b"".join(contents))
        start = len(HEAD)
        for view, digests in zip(views, found, strict=True):
            long.note(start, view, digests)
            start += len(view)
        long.save(blob)
    return found


def content(seed: int, length: int = 9 * CHUNK + 5) -> bytes:
    return random.Random(seed).randbytes(length)


def changed(data: bytes, *places: int) -> bytes:
    found = bytearray(data)
    for place in places:
        found[place] ^= 1
    return bytes(found)


@pytest.fixture
def blob(awkward_path: Path) -> Path:
    """One with two contents of the same length."""
    path = awkward_path / "000001.blend"
    digest([content(1), content(2)], blob=path)
    return path


def test_contents_in_common_are_not_hashed_again_wherever_they_lie(blob: Path, hashed: list[bytes]) -> None:
    others = [content(2), content(3, 5000), content(1)]
    found = digest(others, blob)
    assert sorted(hashed) == sorted(others[1][start : start + CHUNK] for start in range(0, 5000, CHUNK))
    assert found == digest(others)


def test_of_a_changed_content_the_changed_chunks_are_hashed(blob: Path, hashed: list[bytes]) -> None:
    other = changed(content(1), 3 * CHUNK + 7, -1)
    found = digest([other], blob)
    assert sorted(hashed) == sorted([other[3 * CHUNK : 4 * CHUNK], other[9 * CHUNK :]])
    assert found == digest([other])


@pytest.mark.parametrize("place", [0, 1, 15, 16, CHUNK - 1, CHUNK, 5000, 9 * CHUNK, -2, -1])
def test_each_byte_counts(blob: Path, place: int) -> None:
    other = changed(content(2), place)
    assert digest([other], blob) == digest([other]) != digest([content(2)])


def test_blob_of_which_contents_were_found_tells_of_them_itself(blob: Path, hashed: list[bytes]) -> None:
    second = blob.with_name("000002.blend")
    digest([content(3), content(2)], blob, blob=second)
    blob.unlink()
    hashed.clear()
    assert digest([content(2)], second) == digest([content(2)], blob)
    assert len(hashed) == chunks.num_chunks(len(content(2)))  # by the second one only


def test_several_blobs_are_looked_into(blob: Path, hashed: list[bytes]) -> None:
    second = blob.with_name("000002.blend")
    digest([content(3)], blob=second)
    hashed.clear()
    assert digest([content(3), content(1)], second, blob.with_name("000003.blend"), blob)
    assert hashed == []


def test_most_similar_content_is_compared(awkward_path: Path, hashed: list[bytes]) -> None:
    """Two have the same first half, and so the same samples in it."""
    half, path = content(1, 5 * CHUNK), awkward_path / "000001.blend"
    digest([half + content(2, 5 * CHUNK), half + content(3, 5 * CHUNK)], blob=path)
    hashed.clear()
    digest([half + content(3, 5 * CHUNK)], path)
    assert hashed == []


def _gone(blob: Path) -> None:
    blob.unlink()


def _cut_off(blob: Path) -> None:
    blob.write_bytes(blob.read_bytes()[: 4 * CHUNK])


def _written_over(blob: Path) -> None:
    blob.write_bytes(content(5, blob.stat().st_size))


def _noted(change: Callable[[dict], object]) -> Callable[[Path], None]:
    def spoil(blob: Path) -> None:
        beside = blob.with_suffix(".chunks.json")
        record = json.loads(beside.read_text())
        change(record)
        beside.write_text(json.dumps(record))

    return spoil


def _not_noted(blob: Path) -> None:
    blob.with_suffix(".chunks.json").unlink()


def _cut_off_note(blob: Path) -> None:
    beside = blob.with_suffix(".chunks.json")
    beside.write_bytes(beside.read_bytes()[:100])


SPOILED = {
    "the blob is gone": _gone,
    "the blob is cut off": _cut_off,
    "the blob holds something else": _written_over,
    "nothing is noted": _not_noted,
    "the note is cut off": _cut_off_note,
    "of chunks of another length": _noted(lambda record: record.update(chunk=2 * CHUNK)),
    "too few digests": _noted(lambda record: [row.__setitem__(2, row[2][64:]) for row in record["contents"]]),
    "no contents": _noted(lambda record: record.pop("contents")),
    "a row too short": _noted(lambda record: record["contents"][0].pop()),
    "nothing but a list": lambda blob: blob.with_suffix(".chunks.json").write_text("[]"),
}


@pytest.mark.parametrize("spoil", SPOILED.values(), ids=SPOILED.keys())
def test_digests_are_the_same_if_an_earlier_blob_or_its_note_can_not_be_read(
    blob: Path, spoil: Callable[[Path], None]
) -> None:
    others = [content(2), content(1)]
    spoil(blob)
    assert digest(others, blob) == digest(others)


def test_blob_in_pieces_is_all_of_it_with_the_digests_that_are_known(blob: Path) -> None:
    blob.write_bytes(blob.read_bytes() + b"the end")
    data, start = blob.read_bytes(), 0
    found = pieces(blob)
    for length, known in found:
        assert known in (None, hashlib.sha256(data[start : start + length]).digest())
        start += length
    assert start == len(data)
    assert [length for length, known in found if known is None] == [len(HEAD), len(b"the end")]
    assert max(length for length, known in found if known is not None) == CHUNK


SPOILED_PIECES = {
    name: SPOILED[name] for name in ("the blob is gone", "the blob is cut off", "nothing is noted", "no contents")
} | {"contents that overlap": _noted(lambda record: record["contents"][1].__setitem__(0, len(HEAD) + 1))}


@pytest.mark.parametrize("spoil", SPOILED_PIECES.values(), ids=SPOILED_PIECES.keys())
def test_blob_of_which_nothing_is_known_for_sure_has_no_pieces(blob: Path, spoil: Callable[[Path], None]) -> None:
    spoil(blob)
    assert pieces(blob) == []


def test_nothing_is_noted_of_a_blob_without_long_contents(tmp_path: Path) -> None:
    LongContents().save(tmp_path / "000001.blend")
    assert list(tmp_path.iterdir()) == []
    assert read(tmp_path / "000001.blend") == []
