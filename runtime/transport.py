# SPDX-License-Identifier: GPL-3.0-or-later
"""The channel between the foreground and one worker: a pipe of its own that the worker inherits.

Nobody else can reach an inherited pipe, so it needs no address, no key and no handshake; and its end tells each side
at once that the other is gone. What a script prints goes elsewhere and can't disturb it.
"""

from __future__ import annotations

import multiprocessing.connection as mpc
import os
import sys
from typing import TYPE_CHECKING, Any

from . import messages
from .errors import TransportError

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    AnyConnection = Connection[Any, Any]


class Channel:
    """One end of the pipe. Sending and receiving may happen on two threads; each of them on one only."""

    def __init__(self, connection: AnyConnection) -> None:
        self._connection = connection

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
        """Raises OSError when the other side is gone."""
        self._connection.send_bytes(messages.encode(message))

    def receive(self) -> messages.Message:
        """Wait for the next message.

        Raises:
            EOFError: when the other side is gone.
            TransportError: when what came is no message.
        """
        try:
            return messages.decode(self._connection.recv_bytes())
        except ConnectionError as error:
            raise EOFError from error
        except OSError as error:
            raise TransportError(str(error)) from error

    def has_message(self) -> bool:
        """Whether `receive` would return (or raise) at once."""
        try:
            return self._connection.poll()
        except OSError:
            return True

    def close(self) -> None:
        self._connection.close()


def wait(channels: list[Channel], timeout: float | None) -> list[Channel]:
    """The channels with something to receive, after at most `timeout` seconds (None: however long it takes)."""
    by_connection = {channel._connection: channel for channel in channels}
    return [by_connection[connection] for connection in mpc.wait(list(by_connection), timeout)]  # type: ignore[index]
