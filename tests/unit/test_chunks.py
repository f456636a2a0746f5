"""Long contents are hashed in chunks, each byte of them, wherever they are cut."""

from __future__ import annotations

import threading

import pytest

from background_nodes.runtime.blend_file import chunks
from background_nodes.runtime.blend_file.chunks import shortened


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch):
    monkeypatch.setattr(chunks, "CHUNK", 16)
    monkeypatch.setattr(chunks, "_MAX_THREADS", 4)


def digest(*contents: bytes) -> list[bytes]:
    return [bytes(each) for each in shortened([memoryview(content) for content in contents])]


def test_short_contents_stay_as_they_are():
    assert digest(b"", b"short", bytes(16)) == [b"", b"short", bytes(16)]


@pytest.mark.parametrize("length", [17, 32, 149])
@pytest.mark.parametrize("place", [0, 15, 16, -1])
def test_each_byte_of_long_contents_counts(length, place):
    changed = bytearray(length)
    changed[place] = 1
    assert digest(bytes(length)) == digest(bytes(length))
    assert digest(bytes(length)) != digest(bytes(changed))


def test_long_contents_have_their_places_among_short_ones():
    one, other = bytes(80), b"\1" * 99
    assert digest(one, b"short", other) == [*digest(one), b"short", *digest(other)]
    assert digest(one) != digest(other)


def test_digest_is_the_same_on_one_thread_as_on_several(monkeypatch):
    content = bytes(range(256))
    several = digest(content)
    monkeypatch.setattr(chunks, "_MAX_THREADS", 1)
    assert digest(content) == several


def test_digest_is_the_same_where_no_thread_starts(monkeypatch):
    def start(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    expected = digest(bytes(256))
    monkeypatch.setattr(threading.Thread, "start", start)
    assert digest(bytes(256)) == expected
