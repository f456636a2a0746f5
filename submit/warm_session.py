# SPDX-License-Identifier: GPL-3.0-or-later
"""A process that stays open on a machine of a farm, and keeps Blenders warm between the steps of one job.

    background-nodes session start FOLDER     starts it, and says where it is: an environment of OpenJD
    background-nodes step FOLDER N            finds it by the variable, and lets it do the step
    background-nodes session stop             ends it

They speak over a socket in a folder that only this user can enter: a line of JSON that asks, then lines that answer. If
who asks is gone, the step is cancelled. Where there is no such process (any more), a step runs in one of its own.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any, Final

from ..addon.command_line.terminal_text import one_line

#: Names the folder of the socket.
VARIABLE: Final = "BACKGROUND_NODES_SESSION"
_SOCKET: Final = "socket"
_LOG: Final = "log.txt"
_READY: Final = "ready"
#: Seconds without a step after which it ends by itself: whoever started it may be gone.
_IDLE: Final = 1800.0
#: Bytes that a question may have.
_MAX_QUESTION: Final = 4096
#: Bytes that the path of a socket may have on all systems.
_MAX_PATH: Final = 103
_EXIT_FAILED: Final = 1
_EXIT_BAD_INPUT: Final = 2


def carry_out(options: argparse.Namespace) -> int:
    """Start or stop one. Returns the exit code."""
    return _stop() if options.action == "stop" else _start(options)


def _start(options: argparse.Namespace) -> int:
    place = Path(tempfile.mkdtemp(prefix="background-nodes-"))  # nobody else can enter it
    if not hasattr(socket, "AF_UNIX") or len(os.fsencode(place / _SOCKET)) > _MAX_PATH:
        place.rmdir()
        print("each step runs in a process of its own here")
        return 0
    command = [sys.executable, "-P", "-m", f"{__package__.partition('.')[0]}.cli", "session", "serve", options.folder]
    command += ["--place", str(place), *(["--workers", str(options.workers)] if options.workers else [])]
    command += ["--job", options.job] if options.job else []
    with (place / _LOG).open("wb") as log:
        child = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, start_new_session=True
        )
    assert child.stdout is not None
    said = child.stdout.readline().decode("utf-8", "replace").strip()
    if said != _READY:
        with contextlib.suppress(OSError):
            said = said or (place / _LOG).read_text(encoding="utf-8", errors="replace")[-2000:]
        _leave(place)
        print(f"openjd_fail: {one_line(said)}")
        return _EXIT_BAD_INPUT
    child.returncode = 0  # it goes on without this process
    print(f"openjd_env: {VARIABLE}={place}")
    return 0


def _leave(place: Path) -> None:
    """Remove what is made in the folder where they meet, and nothing else, whatever folder that is said to be."""
    with contextlib.suppress(OSError):
        for name in (_SOCKET, _LOG):
            (place / name).unlink(missing_ok=True)
        place.rmdir()


def _stop() -> int:
    connection = _connected()
    if connection is not None:
        with connection:
            connection.sendall(b'{"stop": true}\n')
            while connection.recv(1 << 16):
                pass
    return 0


def _connected() -> socket.socket | None:
    """A connection to the process that the variable names, None if there is none."""
    place = os.environ.get(VARIABLE)
    if not place or not hasattr(socket, "AF_UNIX"):
        return None
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.connect(str(Path(place, _SOCKET)))
    except OSError:
        connection.close()
        return None
    return connection


# Who asks


def ask(options: argparse.Namespace) -> int | None:
    """Let the process do a step. Returns the exit code; None if there is no such process, or it is of another job."""
    connection = _connected()
    if connection is None:
        return None

    def end(number: int, _frame: FrameType | None) -> None:
        os._exit(128 + number)  # which closes the connection, so the step is cancelled

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
    question = {"folder": options.folder, "step": options.number, "first": options.first, "count": options.count}
    question["job"] = options.job
    with connection, connection.makefile("rb") as answers:
        connection.sendall(json.dumps(question).encode() + b"\n")
        for line in answers:
            answer = json.loads(line)
            if "line" not in answer:
                return None if answer["exit"] is None else int(answer["exit"])
            print(answer["line"], flush=True)
    print("openjd_fail: the process that keeps Blenders warm has ended in mid-step")
    return _EXIT_FAILED


# Who answers


def serve(options: argparse.Namespace, stream: int) -> int:
    """Answer until it is told to stop. Returns the exit code."""
    from ..runtime.errors import BackgroundNodesError
    from .working import JobWorker

    try:
        worker = JobWorker(Path(options.folder), options.workers, options.job)
    except (BackgroundNodesError, OSError) as error:
        os.write(stream, f"{one_line(str(error))}\n".encode("utf-8", "backslashreplace"))
        return _EXIT_BAD_INPUT
    place = Path(options.place)
    try:
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(str(place / _SOCKET))
            server.listen()
            server.settimeout(_IDLE)
            os.write(stream, f"{_READY}\n".encode())
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream)
            for connection in _connections(server):
                with connection:
                    if not _answer(connection, worker):
                        worker.close()  # before the other side sees that this one is gone
                        break
    finally:
        worker.close()
        _leave(place)
    return 0


def _connections(server: socket.socket) -> Iterator[socket.socket]:
    while True:
        try:
            yield server.accept()[0]
        except TimeoutError:
            return


def _answer(connection: socket.socket, worker: Any) -> bool:
    """Answer one question. Returns False if it was to stop."""
    from .step_command import Lines, items_of, run

    with contextlib.suppress(OSError):  # who asked is gone
        question = _question(connection)
        if question.get("stop"):
            return False
        asked = "step" in question and (Path(question["folder"]).absolute(), question["job"])
        if asked != (worker.folder, worker.digest):
            _send(connection, {"exit": None})
            return True
        lines = Lines(lambda line: _send_if_there(connection, {"line": line}), lambda: _is_gone(connection))
        code = run(worker, int(question["step"]), items_of(question["first"], int(question["count"])), lines)
        _send(connection, {"exit": code})
    return True


def _question(connection: socket.socket) -> dict[str, Any]:
    with connection.makefile("rb") as stream:
        try:
            question = json.loads(stream.readline(_MAX_QUESTION))
        except ValueError:
            return {}
    return question if isinstance(question, dict) else {}


def _send(connection: socket.socket, answer: dict[str, Any]) -> None:
    connection.sendall(json.dumps(answer).encode() + b"\n")


def _send_if_there(connection: socket.socket, answer: dict[str, Any]) -> None:
    with contextlib.suppress(OSError):
        _send(connection, answer)


def _is_gone(connection: socket.socket) -> bool:
    """Whether who asked has closed the connection: it says nothing more."""
    return bool(select.select([connection], [], [], 0)[0])
