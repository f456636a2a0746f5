# SPDX-License-Identifier: GPL-3.0-or-later
"""Starts processes on a thread of its own.

Whoever starts a process stands still until that has had its first turn on a processor: 10 ms and more where all of
them are busy. So it must not be the main thread. Nor may the starting thread hold Python's lock meanwhile, as
`subprocess` and `os.posix_spawn` do on POSIX: see `libc_spawn`.
"""

from __future__ import annotations

import _thread
import queue
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import libc_spawn
from .process import Child, Process
from .transport import Channel


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be started.

    Attributes:
        argv: the program and its arguments.
        environment: the variables of its environment, all of them.
        log: the file that what it prints is appended to.
        channel: its end of a pipe. It is closed here once the process has it, or could not be started: so the other
            end tells of both.
    """

    argv: tuple[str, ...]
    environment: Mapping[str, str]
    log: Path
    channel: Channel


class Spawner:
    """Starts processes one after another, in the order of the calls.

    Its thread lasts until `close`: on Linux a worker dies with the thread that started it.
    """

    def __init__(self) -> None:
        self._orders: queue.SimpleQueue[tuple[Order, Process] | None] = queue.SimpleQueue()
        self._has_thread = False

    def start(self, order: Order) -> Process:
        """Order a process. It is started soon; if it can't be, its `error` tells why."""
        process = Process()
        try:
            if not self._has_thread:
                # `threading.Thread` waits until the thread has started, which takes long on a busy machine.
                _thread.start_new_thread(self._work, ())
                self._has_thread = True
        except RuntimeError as error:  # the system has no thread left, or Python is about to end
            process.error = error
            order.channel.close()
        else:
            self._orders.put((order, process))
        return process

    def close(self) -> None:
        """Let the thread end, after what was ordered before. The next order starts another one."""
        if self._has_thread:
            self._orders.put(None)
            self._has_thread = False

    def _work(self) -> None:
        while (entry := self._orders.get()) is not None:
            order, process = entry
            try:
                if process.begin():
                    process.take(_spawn(order))
            except Exception as error:  # noqa: BLE001 (the next one is started all the same)
                process.error = error
            finally:
                order.channel.close()


def inherited_handle(channel: Channel) -> int:
    """The number under which a process that is given this channel finds it."""
    return libc_spawn.CHANNEL_HANDLE if libc_spawn.IS_AVAILABLE else channel.fileno()


def _spawn(order: Order) -> Child:
    if libc_spawn.IS_AVAILABLE:
        return libc_spawn.spawn(order.argv, order.environment, order.log, order.channel.fileno())
    with order.log.open("ab") as log:
        return subprocess.Popen(
            order.argv,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=order.environment,
            **_options(order.channel.fileno()),
        )


if sys.platform == "win32":

    def _options(handle: int) -> dict[str, Any]:
        """The options of `Popen` that hand the channel down and keep Ctrl-C in a terminal to the foreground alone."""
        import os

        os.set_handle_inheritable(handle, True)
        startup = subprocess.STARTUPINFO(lpAttributeList={"handle_list": [handle]})
        flags = subprocess.CREATE_NO_WINDOW | subprocess.CREATE_NEW_PROCESS_GROUP
        return {"startupinfo": startup, "creationflags": flags}

else:

    def _options(handle: int) -> dict[str, Any]:
        """The options of `Popen` that hand the channel down and keep Ctrl-C in a terminal to the foreground alone."""
        return {"pass_fds": (handle,), "start_new_session": True}
