"""The channel, with a real pipe."""

import os
import threading
from multiprocessing.connection import wait

import pytest

from background_nodes.runtime.engine import messages
from background_nodes.runtime.engine.messages import Failed, Idle, Progressed
from background_nodes.runtime.errors import TransportError
from background_nodes.runtime.pool import transport
from background_nodes.runtime.pool.transport import Channel

from .conftest import threads_of_this_process, wait_until

pytestmark = [
    pytest.mark.any_blender,
    pytest.mark.skipif(os.name == "nt", reason="writes raw bytes to a POSIX pipe"),
]


@pytest.fixture
def ends():
    ours, theirs = Channel.pair()
    yield ours, theirs
    ours.close()
    theirs.close()


def frame(message) -> bytes:
    data = messages.encode(message)
    return transport._HEADER.pack(transport._MAGIC, len(data)) + data


def take_all(channel: Channel) -> None:
    while channel.take() is not None:
        pass


def test_messages_arrive_in_order(ends):
    ours, theirs = ends
    sent = [Progressed(index / 10, str(index)) for index in range(10)]
    for message in sent:
        theirs.send(message)
    assert [ours.receive(ours.reader()) for _ in sent] == sent


def test_long_message_arrives_while_it_is_sent(ends):
    ours, theirs = ends
    message = Failed("ä" * 3_000_000)
    sender = threading.Thread(target=theirs.send, args=[message])
    sender.start()
    assert ours.receive(ours.reader()) == message
    sender.join()


def test_part_of_a_message_is_not_waited_for(ends):
    ours, theirs = ends
    data = frame(Failed("no"))
    for cut in (1, 5, len(data) - 1):
        os.write(theirs.fileno(), data[:cut])
        assert wait([ours.connection], 10) == [ours.connection]
        assert ours.take() is None
        os.write(theirs.fileno(), data[cut:] + data)
        assert [ours.take(), ours.take(), ours.take()] == [Failed("no"), Failed("no"), None]


def test_nothing_there_is_not_waited_for(ends):
    assert ends[0].take() is None
    assert wait([ends[0].connection], 0) == []


@pytest.mark.parametrize(
    "data",
    [
        b"\0",
        b"garbage",
        b"Bg",
        b"\xff" * 100_000,
        transport._HEADER.pack(transport._MAGIC, 2**32 - 1),
        transport._HEADER.pack(transport._MAGIC, 2) + b"{}",
        b"BgN2" + frame(Idle())[4:],
        frame(Idle()) + b"?",
    ],
    ids=lambda data: repr(data[:12]),
)
def test_garbage_is_an_error_at_once(ends, data):
    ours, theirs = ends
    os.write(theirs.fileno(), data)
    if data == b"Bg":
        theirs.close()
    with pytest.raises((TransportError, EOFError)):
        take_all(ours)


def test_end_of_the_other_side_is_told_after_its_last_words(ends):
    ours, theirs = ends
    theirs.send(Idle())
    os.write(theirs.fileno(), frame(Idle())[:7])
    theirs.close()
    assert ours.take() == Idle()
    with pytest.raises(EOFError):
        ours.take()
    with pytest.raises(EOFError):
        ours.receive(ours.reader())


def test_end_of_the_other_side_with_unread_words_is_told(ends):
    ours, theirs = ends
    ours.send(Idle())
    theirs.send(Progressed(0.5, ""))
    theirs.close()
    assert ours.take() == Progressed(0.5, "")
    with pytest.raises(EOFError):
        ours.take()


def test_sending_to_nobody_is_an_error(ends):
    ours, theirs = ends
    theirs.close()
    with pytest.raises(OSError, match="pipe"):
        ours.send(Idle())


def test_message_that_is_too_long_is_refused_and_the_channel_is_fine(ends, monkeypatch):
    ours, theirs = ends
    monkeypatch.setattr(transport, "MAX_MESSAGE", 1024**2)
    with pytest.raises(TransportError, match="2 MB are too much"):
        theirs.send(Failed("x" * 2 * 1024**2))
    theirs.send(Idle())
    assert ours.take() == Idle()


def test_posting_to_one_who_does_not_read_waits_for_nobody(ends):
    ours, theirs = ends
    messages = [Failed("x" * 10_000_000), Progressed(0.5, "after it"), Idle()]
    for message in messages:
        ours.post(message)  # or the test hangs
    assert [theirs.receive(theirs.reader()) for _ in messages] == messages


def test_channel_with_unsent_words_can_be_closed(ends):
    ours, theirs = ends
    threads = threads_of_this_process()
    ours.post(Failed("x" * 10_000_000))
    ours.close()
    assert wait_until(lambda: threads_of_this_process() <= threads)
    with pytest.raises(EOFError):
        theirs.receive(theirs.reader())


def test_posting_to_nobody_is_an_error(ends):
    ours, theirs = ends
    theirs.close()
    with pytest.raises(OSError, match="pipe"):
        ours.post(Idle())
