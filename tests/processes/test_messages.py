"""What goes over the wire comes off it, and nothing else does."""

import pytest

from background_nodes.runtime import messages
from background_nodes.runtime.errors import TransportError


@pytest.mark.parametrize(
    "message",
    [
        messages.Idle(),
        messages.Started(),
        messages.Progressed(0.5, 'ä 節点 "\\ \n \0'),
        messages.Succeeded({"a": [1, 2.5, None, True, {"b": "c"}], "": []}),
        messages.Failed("no", "traceback", 3),
        messages.Retiring("it was idle"),
        messages.Execute(
            "node", {"text": ""}, [], [["a", "A", "INT", False]], {"fps": 24}, "/a b/1.blend", "/a b/1.log"
        ),
    ],
    ids=lambda message: type(message).__name__,
)
def test_message_survives_the_wire(message):
    assert messages.decode(messages.encode(message)) == message


def test_lone_surrogates_survive_the_wire():
    assert messages.decode(messages.encode(messages.Failed("\udc80"))).error == "\udc80"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff\xfe",
        b"null",
        b"[]",
        b'"Idle"',
        b"{}",
        b'{"message": "Unknown"}',
        b'{"message": ["Idle"]}',
        b'{"message": "Idle", "more": 1}',
        b'{"message": "Progressed"}',
        b'{"message": "TransportError"}',
        b"[" * 100_000,
    ],
    ids=lambda data: repr(data[:30]),
)
def test_what_is_no_message_is_refused(data):
    with pytest.raises(TransportError, match="not a message"):
        messages.decode(data)
