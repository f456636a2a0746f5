# SPDX-License-Identifier: GPL-3.0-or-later
"""The channel between the foreground and one worker: a pipe of its own that the worker inherits.

No other process can reach an inherited pipe, so it needs no address, no key and no handshake. When one side ends, the
other sees the end of the pipe at once. What a script prints goes elsewhere and can't disturb it.
"""

from __future__ import annotations

import _thread
import contextlib
import functools
import multiprocessing.connection as mpc
import os
import socket
import struct
import sys
import threading
from collections import deque
from collections.abc import Callable
from typing import Any

from ..engine import messages
from ..errors import TransportError

#: Each message starts with these bytes and its length, so that anything else is noticed at once.
_MAGIC = b"BgN1"
_HEADER = struct.Struct("!4sI")
#: Bytes of the longest message. Data-blocks don't travel here, and what does is held in memory on both sides.
MAX_MESSAGE = 256 * 1024**2

_CHUNK = 1024**2


class Channel:
    """One end of the pipe. One thread may send while another one receives.

    Attributes:
        connection: what becomes readable when there is something to `take`.
    """

    def __init__(self, connection: Any) -> None:
        """`connection` is a socket; on Windows it is the end of a pipe, from which each read returns one message."""
        self.connection = connection
        self._received = bytearray()
        self._lock = threading.Lock()
        self._outgoing: deque[memoryview] = deque()
        self._has_sender = False

    @classmethod
    def pair(cls) -> tuple[Channel, Channel]:
        """Two ends: the foreground's, and the one for a worker."""
        ours, theirs = mpc.Pipe(duplex=True) if sys.platform == "win32" else socket.socketpair()
        return cls(ours), cls(theirs)

    @classmethod
    def inherited(cls, handle: int) -> Channel:
        """The worker's end. `handle` is the number that the foreground gave on the command line."""
        if sys.platform == "win32":
            return cls(mpc.PipeConnection(handle))  # type: ignore[attr-defined,unused-ignore]
        os.set_inheritable(handle, False)
        return cls(socket.socket(fileno=handle))

    def fileno(self) -> int:
        number: int = self.connection.fileno()
        return number

    def send(self, *sent: messages.Message) -> None:
        """Send messages, waiting until the other side has room for them.

        Raises:
            OSError: when the other side is gone.
            TransportError: if one is too long; none is sent then.
        """
        self._write(b"".join(_frame(messages.encode(message)) for message in sent))

    def post(self, message: messages.Message) -> None:
        """Send a message without waiting. What the other side has no room for yet is sent later, by a thread.

        Raises:
            OSError: when the other side is gone. If it goes later, `take` raises.
            TransportError: if the message is too long.
        """
        self.post_bytes(messages.encode(message))

    def post_bytes(self, message: bytes) -> None:
        """As `post`, for messages of another form."""
        data = memoryview(_frame(message))
        with self._lock:
            if not self._has_sender:
                data = data[self._write_some(data) :]
            if not data:
                return
            self._outgoing.append(data)
            if not self._has_sender:
                # `Thread.start` waits for the new thread's first turn.
                _thread.start_new_thread(self._send_outgoing, ())
                self._has_sender = True

    def reader(self) -> Callable[[], bytes]:
        """A function that waits for bytes and returns them. If the other side is gone, it returns b"" or raises.

        It is for a thread that reads while a script runs: but for Windows, no Python code is executed in it, for that
        might be what the script has put in the place of ours.
        """
        return self._read if sys.platform == "win32" else functools.partial(self.connection.recv, _CHUNK)

    def receive(self, read: Callable[[], bytes]) -> messages.Message:
        """The next message. As long as it is incomplete, `read` is called: it returns what `reader` has read.

        Raises:
            EOFError: when the other side is gone.
            TransportError: when what came is no message.
        """
        return messages.decode(self.receive_bytes(read))

    def receive_bytes(self, read: Callable[[], bytes]) -> bytes:
        """As `receive`, for messages of another form."""
        while (data := self._next_frame()) is None:
            if not (more := read()):
                raise EOFError
            self._received += more
        return data

    def take(self) -> messages.Message | None:
        """The next message if all of it is there, None if not; never waits, as the rest may never come.

        Raises:
            EOFError: when the other side is gone.
            TransportError: when what came is no message.
        """
        data = self.take_bytes()
        return None if data is None else messages.decode(data)

    def take_bytes(self) -> bytes | None:
        """As `take`, for messages of another form."""
        while (data := self._next_frame()) is None:
            if (more := self._read_some()) is None:
                return None
            self._received += more
        return data

    def close(self) -> None:
        if self._has_sender and sys.platform != "win32":
            with contextlib.suppress(OSError):
                self.connection.shutdown(socket.SHUT_RDWR)  # closing alone does not wake the thread that sends
        self.connection.close()

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

    def _send_outgoing(self) -> None:
        while True:
            with self._lock:
                if not self._outgoing:
                    self._has_sender = False
                    return
                data = self._outgoing.popleft()
            try:
                self._write(data)
            except OSError:  # the other side is gone, so `take` raises; nothing more can be sent
                return

    def _write(self, data: bytes | memoryview) -> None:
        if sys.platform == "win32":
            self.connection.send_bytes(data)
        else:
            self.connection.sendall(data)

    def _write_some(self, data: memoryview) -> int:
        """Send what there is room for. Returns how many bytes that was."""
        if sys.platform == "win32":
            return 0
        try:
            sent: int = self.connection.send(data, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return 0
        return sent

    def _read_some(self) -> bytes | None:
        """What is there; None if nothing is. Raises as `_read`."""
        if sys.platform == "win32":
            return self._read() if mpc.wait([self.connection], 0.0) else None
        try:
            return self._read(socket.MSG_DONTWAIT)
        except BlockingIOError:
            return None

    def _read(self, flags: int = 0) -> bytes:
        try:
            is_pipe = sys.platform == "win32"
            data: bytes = self.connection.recv_bytes() if is_pipe else self.connection.recv(_CHUNK, flags)
        except ConnectionError as error:
            raise EOFError from error
        except BlockingIOError:
            raise
        except OSError as error:
            raise TransportError(str(error)) from error
        if not data:
            raise EOFError
        return data


def _frame(data: bytes) -> bytes:
    if len(data) > MAX_MESSAGE:
        size, limit = len(data) / 1024**2, MAX_MESSAGE // 1024**2
        raise TransportError(f"values of {size:.0f} MB are too much to be passed on: at most {limit} MB are")
    return _HEADER.pack(_MAGIC, len(data)) + data
