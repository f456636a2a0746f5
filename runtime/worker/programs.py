# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs that scripts start: what they print is heard at once, and they end with all that they have started."""

from __future__ import annotations

import codecs
import contextlib
import ctypes
import os
import queue
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import IO, Final

from .children import children_of, descendants_of

#: Seconds between two looks at whether a program has ended that left what it prints to others.
_LOOK_INTERVAL: Final = 0.1
#: The longest line that is heard as one.
_LONGEST_LINE: Final = 1 << 16
#: `prctl`: processes whose parent has ended become children of this one, so that they are found.
_PR_SET_CHILD_SUBREAPER: Final = 36


def run_program(
    command: Sequence[str], *, folder: str | os.PathLike[str], seconds: float, on_line: Callable[[str], None]
) -> int:
    """As `script.run_program`."""
    before = set(children_of(os.getpid()))
    with _orphans_come_here():
        process = subprocess.Popen(
            list(command), cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        heard: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        reader = threading.Thread(target=_read, args=(process.stdout, heard), daemon=True)
        reader.start()
        try:
            _listen(process, heard, on_line, time.monotonic() + seconds if seconds else float("inf"))
        finally:
            _end(process, before)
            reader.join()
            process.stdout.close()
    while (line := heard.get()) is not None:
        on_line(line)
    return process.returncode


def _read(stream: IO[bytes], heard: queue.SimpleQueue[str | None]) -> None:
    """Hear lines until nobody can write any more. Bars that are drawn anew on one line are lines, too."""
    decoder, rest = codecs.getincrementaldecoder("utf-8")("replace"), ""
    while chunk := os.read(stream.fileno(), 1 << 16):
        *lines, rest = re.split(r"[\r\n]+", rest + decoder.decode(chunk))
        if len(rest) > _LONGEST_LINE:
            lines, rest = [*lines, rest], ""
        for line in filter(None, lines):
            heard.put(line)
    if rest:
        heard.put(rest)
    heard.put(None)


def _listen(
    process: subprocess.Popen[bytes], heard: queue.SimpleQueue[str | None], on_line: Callable[[str], None], until: float
) -> None:
    """Hear what a program says until it ends. Raises TimeoutError."""
    says = True
    while says or process.poll() is None:
        left = until - time.monotonic()
        if left <= 0.0:
            raise TimeoutError
        try:
            line = heard.get(timeout=min(left, _LOOK_INTERVAL))
        except queue.Empty:
            says = says and process.poll() is None
            continue
        if line is None:
            heard.put(None)  # for who hears the rest
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(None if until == float("inf") else max(0.0, until - time.monotonic()))
                return
            raise TimeoutError
        on_line(line)


def _end(process: subprocess.Popen[bytes], before: set[int]) -> None:
    """Kill it if it runs, and all that it has started. `before`: the children that were there before."""
    if sys.platform == "win32":
        if process.poll() is None:
            kill = ["taskkill", "/T", "/F", "/PID", str(process.pid)]
            subprocess.run(kill, check=False, capture_output=True)
        process.wait()
        return
    while True:
        new = set(children_of(os.getpid())) - before
        if process.poll() is not None:
            new.discard(process.pid)
        if not new:
            break
        for pid in [each for child in new for each in (child, *descendants_of(child))]:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        for pid in new - {process.pid}:
            with contextlib.suppress(OSError):
                os.waitpid(pid, 0)
        if process.pid in new:
            process.wait()
    if process.poll() is None:  # where the system does not tell of children
        process.kill()
    process.wait()


@contextlib.contextmanager
def _orphans_come_here() -> Iterator[None]:
    """Within the block, processes below this one whose parent has ended become its children, on Linux."""
    if not sys.platform.startswith("linux"):
        yield
        return
    libc = ctypes.CDLL(None)
    libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    try:
        yield
    finally:
        libc.prctl(_PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)
