"""Which data-blocks are gathered before they are loaded."""

from background_nodes.runtime.engine.gathering import CHUNK, chunks
from background_nodes.runtime.script.socket_types import StoredRef


def refs_in(number, blobs):
    return [StoredRef("Object", f"Object {index}", "", f"{index % blobs}.blend") for index in range(number)]


def test_few_blobs_are_left_as_they_are():
    assert list(chunks(refs_in(1000, blobs=3), many=4)) == []


def test_many_blobs_go_into_few_in_order():
    refs = refs_in(2 * CHUNK + 5, blobs=40)
    found = list(chunks(refs, many=4))
    assert [len(chunk) for chunk in found] == [CHUNK, CHUNK, 5]
    assert [ref for chunk in found for ref in chunk] == refs


def test_what_is_there_twice_is_gathered_once():
    refs = refs_in(8, blobs=8)
    assert list(chunks([*refs, *refs], many=4)) == [tuple(refs)]
