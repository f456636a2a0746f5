# SPDX-License-Identifier: GPL-3.0-or-later
"""Work that needs no Blender but takes time, such as reading large files: done on one thread, one after the other."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from multiprocessing import Pipe
from typing import Any, NamedTuple


class Done(NamedTuple):
    """What a chore returned, or the exception that it raised."""

    key: Hashable
    result: Any
    error: Exception | None


class Chores:
    """Does chores in the order in which they were added. All methods are called from one thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: deque[tuple[Hashable, Callable[[], Any]]] = deque()
        self._done: deque[Done] = deque()
        self._thread: threading.Thread | None = None
        self._waker, self._bell = Pipe(duplex=False)
        self._dropped: set[Hashable] = set()  # they were begun, and nobody wants the result
        self._current: Hashable | None = None
        self._is_late = False  # it is closed, and waits for the last chore

    def add(self, key: Hashable, chore: Callable[[], Any]) -> None:
        """Do a chore soon. `poll` returns its result. It must touch nothing that this thread uses."""
        with self._lock:
            self._waiting.append((key, chore))
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="Background Nodes chores", daemon=True)
                self._thread.start()

    def drop(self, key: Hashable) -> None:
        """Forget a chore. `poll` returns nothing of one that was begun; it ends early if it asks `is_wanted`."""
        with self._lock:
            self._waiting = deque(entry for entry in self._waiting if entry[0] != key)
            self._done = deque(done for done in self._done if done.key != key)
            if self._current == key:
                self._dropped.add(key)

    def is_wanted(self, key: Hashable) -> bool:
        """Whether a chore is to go on; it may ask that itself, on its thread."""
        with self._lock:
            return not self._is_late and key not in self._dropped

    def poll(self) -> list[Done]:
        """What was done since the last call."""
        if not self._done:  # nor has anything come in
            return []
        with self._lock:
            while not self._waker.closed and self._waker.poll():
                self._waker.recv_bytes()
            done = list(self._done)
            self._done.clear()
        return done

    @property
    def is_idle(self) -> bool:
        """Whether nothing is to be done, and nothing to poll."""
        with self._lock:
            return self._current is None and not self._waiting and not self._done

    def wakers(self) -> Sequence[Any]:
        """What becomes readable when there is something to poll, for `multiprocessing.connection.wait`."""
        is_idle = self._waker.closed or (self._thread is None and not self._done)
        return () if is_idle else (self._waker,)

    def close(self, timeout: float) -> None:
        """Return when all is done, or after `timeout` seconds: then only what was begun is done."""
        thread = self._thread
        if thread is not None:
            thread.join(timeout)
        with self._lock:
            self._waiting.clear()
            self._is_late = True
            thread = self._thread
        if thread is not None:
            thread.join()
        self._waker.close()
        self._bell.close()

    def _work(self) -> None:
        while True:
            with self._lock:
                if not self._waiting:
                    self._thread = None
                    return
                self._current, chore = self._waiting.popleft()
            result, error = None, None
            try:
                result = chore()
            except Exception as raised:  # noqa: BLE001 (whoever wanted it is told)
                error = raised
            with self._lock:
                if self._current in self._dropped:
                    self._dropped.discard(self._current)
                else:
                    self._done.append(Done(self._current, result, error))
                    if not self._waker.poll():
                        self._bell.send_bytes(b".")
                self._current = None
