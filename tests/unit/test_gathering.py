# SPDX-License-Identifier: GPL-3.0-or-later
"""Many blobs into few: which chunks there are, and what is known once they have ended."""

from pathlib import Path

from background_nodes.runtime.gathering import Gathering, is_worthwhile
from background_nodes.runtime.types import StoredRef


def refs(number: int, blobs: int) -> list[StoredRef]:
    return [StoredRef("Object", f"Object {index}", "", f"{index % blobs}.blend") for index in range(number)]


def moved(ref: StoredRef) -> StoredRef:
    return StoredRef(ref.kind, ref.name, ref.library, "gathered.blend")


def test_few_blobs_are_left_alone():
    assert not is_worthwhile(refs(1000, 31), 32)


def test_many_blobs_are_worth_gathering():
    assert is_worthwhile(refs(32, 32), 32)


def test_chunks_hold_each_data_block_once_and_in_order():
    asked = refs(150, 150)
    gathering = Gathering([*asked, *asked], lambda moves: None)
    sent = [ref["name"] for _start, message in gathering.messages(lambda: Path("x.blend")) for ref in message.refs]
    assert sent == [ref.name for ref in asked]


def test_done_is_called_once_after_the_last_chunk_with_all_moves():
    asked, calls = refs(100, 100), []
    gathering = Gathering(asked, calls.append)
    chunks = [(start, len(message.refs)) for start, message in gathering.messages(lambda: Path("x.blend"))]
    assert len(chunks) > 1
    for start, length in reversed(chunks):
        assert calls == []
        gathering.end_chunk(start, [moved(ref) for ref in asked[start : start + length]])
    assert calls == [{ref: moved(ref) for ref in asked}]


def test_a_failed_chunk_stays_where_it_is():
    asked, calls = refs(100, 100), []
    gathering = Gathering(asked, calls.append)
    (first, first_message), (second, _message) = gathering.messages(lambda: Path("x.blend"))
    count = len(first_message.refs)
    gathering.end_chunk(first, [moved(ref) for ref in asked[:count]])
    gathering.end_chunk(second, [])
    assert calls == [{ref: moved(ref) for ref in asked[:count]}]
