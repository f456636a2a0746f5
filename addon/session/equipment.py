# SPDX-License-Identifier: GPL-3.0-or-later
"""What runs and jobs are carried out with: the runner with its scratch folder, the engine, and the store of results."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ...runtime.engine.cache import Cache
from ...runtime.engine.kinds import POOL
from ...runtime.engine.runner import Runner
from ...runtime.engine.workers import ManagedEngine
from ...runtime.errors import RunError, StoreError
from ...runtime.scratch import value_files
from ...runtime.scratch.typed_values import TypedValue
from ...runtime.script.socket_types import SocketType
from .settings import Settings

if TYPE_CHECKING:
    from .host import Host

_ANY = SocketType("ANY")


class Equipment:
    """The equipment of a session. It is made when it is first needed, and again after `close`.

    Attributes:
        runner, engine: None before they are needed.
        cache: None then, and where there is no place for a store.
    """

    def __init__(self, host: Host, note: Callable[[str], None]) -> None:
        """`note` is told what belongs to no run."""
        self.runner: Runner | None = None
        self.engine: ManagedEngine | None = None
        self.cache: Cache | None = None
        self._host = host
        self._note = note
        self._chosen_engine = POOL
        self._preferences: tuple[str, str] | None = None  # the digest of those written last, and the name of the file

    def get(self, settings: Settings) -> tuple[Runner, ManagedEngine]:
        """The runner and its engine. Raises StoreError if there is no place for a scratch folder."""
        if self.runner is None or self.engine is None:
            scratch = self._host.new_scratch()
            self.engine, self._chosen_engine = self._host.new_engine(POOL, scratch), POOL
            self.cache = self._new_cache(settings)
            self.runner = Runner(self.engine, scratch, self.cache, self._note)
        return self.runner, self.engine

    @property
    def is_elsewhere(self) -> bool:
        """Whether the engine is another one than the pool of this machine."""
        return self._chosen_engine != POOL

    def choose_engine(self, settings: Settings) -> None:
        """Use the engine that these settings choose.

        Raises:
            EngineError: if there is no such engine.
            RunError: if something runs on another one.
        """
        runner, _engine = self.get(settings)
        chosen = settings.engine
        if chosen == self._chosen_engine:
            return
        if runner.is_active:
            raise RunError(
                f'"{chosen}" can\'t be used while something runs on "{self._chosen_engine}": wait for it, or cancel it'
            )
        self.engine = self._host.new_engine(chosen, runner.scratch)
        runner.use_engine(self.engine)
        self._chosen_engine = chosen

    def prepare(self, settings: Settings, num_workers: int) -> Runner:
        """The runner, with workers by these settings and room for `num_workers` at a time."""
        runner, engine = self.get(settings)
        engine.use_settings(self._host.worker_settings(settings))
        engine.capacity = max(num_workers, engine.capacity if runner.is_active else 0)
        return runner

    def use_store(self, settings: Settings) -> bool:
        """Use the store of these settings. Returns whether it is another one than before."""
        runner, _engine = self.get(settings)
        old = None if self.cache is None else self.cache.use(self._host.new_store(settings))
        if old is None:
            return False
        runner.keep_house(old.close)  # after all that is still being kept there
        return True

    def store_values(
        self, settings: Settings, values: Mapping[str, object]
    ) -> tuple[dict[str, object], tuple[str, ...]]:
        """Write the large ones of these values to files. Raises StoreError.

        Returns:
            the values, and the names of the files.
        """
        scratch = self.get(settings)[0].scratch
        stored = {name: value_files.stored_whole(TypedValue(_ANY, value), scratch) for name, value in values.items()}
        names = tuple(name for value in stored.values() for name in value.files())
        return {name: value.content for name, value in stored.items()}, names

    def take_preferences(self, settings: Settings) -> str:
        """Write the artist's preferences to a file, unless they are as they were when that was done last.

        Returns:
            the name of the file, which is there until they change. Who needs it for longer shares it.

        Raises:
            RunError, StoreError: if they can't be written.
        """
        scratch = self.get(settings)[0].scratch
        digest, data = self._host.preferences()
        if (
            self._preferences is None
            or self._preferences[0] != digest
            or not scratch.file(self._preferences[1]).exists()
        ):
            name = scratch.new_blob()
            _write(scratch.file(name), data)
            if self._preferences is not None:
                scratch.remove([self._preferences[1]])
            self._preferences = digest, name
        return self._preferences[1]

    def close(self) -> None:
        """End all workers, and remove what is in the scratch folder."""
        self._preferences = None
        if self.runner is not None:
            self.runner.close()
            if self.cache is not None:
                self.cache.store.close()
        self.runner = self.engine = self.cache = None

    def _new_cache(self, settings: Settings) -> Cache | None:
        try:
            return Cache(self._host.new_store(settings), self._host.environment)
        except StoreError:  # without a place for results, none are kept
            return None


def _write(file: Path, data: bytes) -> None:
    try:
        file.write_bytes(data)
    except OSError as error:
        raise StoreError(f"the preferences can't be written: {error}") from error
