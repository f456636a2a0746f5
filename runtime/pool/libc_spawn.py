# SPDX-License-Identifier: GPL-3.0-or-later
"""`posix_spawn` of Linux's C library, called without Python's lock, so that other threads run meanwhile.

Python's own `os.posix_spawn` and `subprocess` keep the lock until the new process has had its first turn.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

#: The file descriptor under which the new process finds its channel.
CHANNEL_HANDLE = 3

_SET_SIGNALS_TO_DEFAULT, _NEW_SESSION = 0x04, 0x80  # POSIX_SPAWN_SETSIGDEF, POSIX_SPAWN_SETSID
#: Python ignores them, and a new process inherits that.
_IGNORED_SIGNALS = (signal.SIGPIPE, signal.SIGXFSZ) if sys.platform == "linux" else ()
#: Bytes that hold any of the C library's structures that are used here; the largest has 336.
_STRUCTURE_SIZE = 1024

_libc = ctypes.CDLL(None) if sys.platform == "linux" else None
#: Whether it can be used here. Before glibc 2.34 no call closes all files of ours in the new process.
IS_AVAILABLE = hasattr(_libc, "posix_spawn_file_actions_addclosefrom_np")


class SpawnedChild:
    """A process that `spawn` started.

    Attributes:
        pid: the system's number of it.
    """

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._returncode: int | None = None

    def poll(self) -> int | None:
        """How it ended, as `subprocess.Popen.returncode`; None as long as it runs."""
        if self._returncode is None:
            try:
                pid, status = os.waitpid(self.pid, os.WNOHANG)
            except ChildProcessError:  # somebody else has reaped it: nothing tells how it ended
                self._returncode = 0
            else:
                self._returncode = os.waitstatus_to_exitcode(status) if pid else None
        return self._returncode


def spawn(argv: Sequence[str], environment: Mapping[str, str], log: Path, channel: int) -> SpawnedChild:
    """Start a program as the leader of a session of its own, and wait until the system has it started.

    Of the files of this process it has `channel` alone, as `CHANNEL_HANDLE`. It reads nothing, and what it prints is
    appended to `log`.

    Raises:
        OSError: if the program can't be started.
    """
    assert _libc is not None
    actions, attributes, signals = (ctypes.create_string_buffer(_STRUCTURE_SIZE) for _ in range(3))
    _must(_libc.posix_spawn_file_actions_init(actions))
    _must(_libc.posix_spawnattr_init(attributes))
    try:
        _libc.sigemptyset(signals)
        for number in _IGNORED_SIGNALS:
            _libc.sigaddset(signals, number)
        _must(_libc.posix_spawnattr_setsigdefault(attributes, signals))
        _must(_libc.posix_spawnattr_setflags(attributes, ctypes.c_short(_SET_SIGNALS_TO_DEFAULT | _NEW_SESSION)))

        # The channel first: its number here may be one of those that are opened then.
        appending = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        _must(_libc.posix_spawn_file_actions_adddup2(actions, channel, CHANNEL_HANDLE))
        _must(_libc.posix_spawn_file_actions_addopen(actions, 0, os.fsencode(os.devnull), os.O_RDONLY, 0))
        _must(_libc.posix_spawn_file_actions_addopen(actions, 1, os.fsencode(log), appending, 0o666))
        _must(_libc.posix_spawn_file_actions_adddup2(actions, 1, 2))
        _must(_libc.posix_spawn_file_actions_addclosefrom_np(actions, CHANNEL_HANDLE + 1))

        pid = ctypes.c_int()
        variables = (f"{name}={value}" for name, value in environment.items())
        program = os.fsencode(argv[0])
        _must(
            _libc.posix_spawnp(ctypes.byref(pid), program, actions, attributes, _strings(argv), _strings(variables)),
            argv[0],
        )
    finally:
        _libc.posix_spawn_file_actions_destroy(actions)
        _libc.posix_spawnattr_destroy(attributes)
    return SpawnedChild(pid.value)


def _must(error: int, filename: str | None = None) -> None:
    """Raise what a call of the C library returned, if that is an error."""
    if error:
        raise OSError(error, os.strerror(error), filename)


def _strings(texts: Iterable[str]) -> ctypes.Array[ctypes.c_char_p]:
    encoded = [os.fsencode(text) for text in texts]
    return (ctypes.c_char_p * (len(encoded) + 1))(*encoded, None)
