# SPDX-License-Identifier: GPL-3.0-or-later
"""The channel between the foreground and one worker: a pipe of its own that the worker inherits.

Nobody else can reach an inherited pipe, so it needs no address, no key and no handshake; and its end tells each side
at once that the other is gone. What a script prints goes elsewhere and can't disturb it.
"""

from __future__ import annotations

import multiprocessing.connection as mpc
import os
import struct
import sys
from typing import TYPE_CHECKING, Any

from . import messages
from .errors import TransportError

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    AnyConnection = Connection[Any, Any]


#: Each message is led by these bytes and its length. Who sends anything else is found out at once.
_MAGIC = b"BgN1"
_HEADER = struct.Struct("!4sI")
#: Bytes of the longest message. Data-blocks don't travel here, and what does is held in memory on both sides.
MAX_MESSAGE = 256 * 1024**2

_CHUNK = 1024**2


class Channel:
    """One end of the pipe. Sending and receiving may happen on two threads; each of them on one only."""

    def __init__(self, connection: AnyConnection) -> None:
        self._connection = connection
        self._received = bytearray()

    @classmethod
    def pair(cls) -> tuple[Channel, Channel]:
        """Two ends: the foreground's, and the one for a worker."""
        ours, theirs = mpc.Pipe(duplex=True)
        return cls(ours), cls(theirs)

    @classmethod
    def inherited(cls, handle: int) -> Channel:
        """The worker's end, by the number its foreground gave on the command line."""
        if sys.platform == "win32":
            return cls(mpc.PipeConnection(handle))  # type: ignore[attr-defined,unused-ignore]
        os.set_inheritable(handle, False)
        return cls(mpc.Connection(handle))

    def fileno(self) -> int:
        return self._connection.fileno()

    def send(self, message: messages.Message) -> None:
        """Send a message, waiting until the other side has room for it.

        Raises:
            OSError: when the other side is gone.
            TransportError: if the message is too long.
        """
        data = messages.encode(message)
        if len(data) > MAX_MESSAGE:
            size, limit = len(data) / 1024**2, MAX_MESSAGE // 1024**2
            raise TransportError(f"values of {size:.0f} MB are too much to be passed on: at most {limit} MB are")
        self._write(_HEADER.pack(_MAGIC, len(data)) + data)

    def receive(self) -> messages.Message:
        """Wait for the next message.

        Raises:
            EOFError: when the other side is gone.
            TransportError: when what came is no message.
        """
        while (data := self._next_frame()) is None:
            self._received += self._read()
        return messages.decode(data)

    def take(self) -> messages.Message | None:
        """The next message if all of it is there, None if not; never waits, as the rest may never come.

        Raises:
            EOFError: when the other side is gone.
            TransportError: when what came is no message.
        """
        while (data := self._next_frame()) is None:
            if not self._connection.poll():
                return None
            self._received += self._read()
        return messages.decode(data)

    def _next_frame(self) -> bytes | None:
        if not _MAGIC.startswith(self._received[: len(_MAGIC)]):
            raise TransportError(f"not a message: {bytes(self._received[:80])!r}")
        if len(self._received) < _HEADER.size:
            return None
        end = _HEADER.size + _HEADER.unpack_from(self._received)[1]
        if end > _HEADER.size + MAX_MESSAGE:
            raise TransportError(f"a message of {end} bytes is too long")
        if len(self._received) < end:
            return None
        data = bytes(self._received[_HEADER.size : end])
        del self._received[:end]
        return data

    # On Windows the pipe keeps what was sent at once together; elsewhere it is a stream.

    def _write(self, data: bytes) -> None:
        if sys.platform == "win32":
            self._connection.send_bytes(data)
            return
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(self._connection.fileno(), rest) :]

    def _read(self) -> bytes:
        try:
            if sys.platform == "win32":
                return self._connection.recv_bytes()
            data = os.read(self._connection.fileno(), _CHUNK)
        except ConnectionError as error:
            raise EOFError from error
        except OSError as error:
            raise TransportError(str(error)) from error
        if not data:
            raise EOFError
        return data

    def close(self) -> None:
        self._connection.close()


def wait(channels: list[Channel], timeout: float | None) -> list[Channel]:
    """The channels with something to receive, after at most `timeout` seconds (None: however long it takes)."""
    by_connection = {channel._connection: channel for channel in channels}
    return [by_connection[connection] for connection in mpc.wait(list(by_connection), timeout)]  # type: ignore[index]
