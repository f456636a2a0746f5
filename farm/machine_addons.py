# SPDX-License-Identifier: GPL-3.0-or-later
"""The add-ons that the Blender of a machine can enable, as a Blender says itself that begins as workers do."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ..runtime import wire
from ..runtime.engine.workers import InstalledAddon
from ..runtime.errors import StoreError
from ..runtime.keys.files import stamp_of
from ..runtime.planning.needs import Needs, Offer
from ..runtime.pool.launcher import Launcher, describe_exit, environment_of, read_tail

#: Seconds between two looks at whether somebody has installed one, or has removed one.
_INTERVAL: Final = 5.0
#: Seconds that a Blender may take to tell. A machine that has just been switched on reads all of it from its disk.
_TIMEOUT: Final = 120.0
_SCRIPT: Final = Path(__file__).with_name("list_addons.py")

_log = logging.getLogger("background_nodes.farm")


@dataclass(frozen=True, slots=True)
class Listing:
    """What a Blender writes.

    Attributes:
        addons: those that it can enable.
        stamps: of what changes when these do, by paths; as it was before they were looked for.
    """

    addons: tuple[InstalledAddon, ...]
    stamps: Mapping[str, tuple[int, ...] | None]


class MachineAddons:
    """The add-ons of a machine.

    Attributes:
        found: None until they are known, and if its Blender does not tell.
    """

    def __init__(self, blender: str, new_folder: Callable[[], Path]) -> None:
        """`blender` is as in `StationSettings`; `new_folder` makes a folder that somebody removes in the end."""
        self.found: tuple[InstalledAddon, ...] | None = None
        self._launcher = Launcher.for_blender(blender, _SCRIPT)
        self._new_folder = new_folder
        self._stamps: Mapping[str, tuple[int, ...] | None] = {}
        self._looking = asyncio.Lock()

    async def look(self) -> None:
        """Let a Blender tell which there are. If it does not, the log says so, and it is asked again after a change."""
        async with self._looking:
            try:
                folder = await asyncio.to_thread(self._new_folder)
                try:
                    listing = await self._told(folder)
                finally:
                    await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
                self.found, self._stamps = listing.addons, listing.stamps
            except (OSError, StoreError, ValueError, TypeError) as error:
                _log.warning("which add-ons are here can't be found out: %s", error or type(error).__name__)
                self.found, self._stamps = None, await asyncio.to_thread(_stamped, self._stamps)

    async def follow(self) -> None:
        """Look again whenever one was installed, removed or changed. It never ends."""
        while True:
            await asyncio.sleep(_INTERVAL)
            await self.look_again()

    async def look_again(self) -> None:
        """Look again if one was installed, removed or changed."""
        if await asyncio.to_thread(_stamped, self._stamps) != self._stamps:
            await self.look()

    async def lacks(self, wanted: Mapping[str, str]) -> str:
        """What is not here, as it is now, of add-ons that are wanted; "" if all is. They are as in `Needs.addons`."""
        if wanted:
            await self.look_again()
        addons = None if self.found is None else {each.module: each.version for each in self.found}
        return Offer("", addons=addons).lacks(Needs(addons=wanted))

    async def _told(self, folder: Path) -> Listing:
        """Raises OSError, ValueError or TypeError."""
        file = folder / "addons.json"
        with (folder / "log.txt").open("wb") as log:
            process = await asyncio.create_subprocess_exec(
                *self._launcher.command,
                str(file),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment_of(folder),
            )
        try:
            await asyncio.wait_for(process.wait(), _TIMEOUT)
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
        if process.returncode != 0:
            raise OSError(read_tail(folder / "log.txt") or describe_exit(process.returncode))
        return wire.decode(Listing, json.loads(file.read_bytes()))


def _stamped(files: Iterable[str]) -> dict[str, tuple[int, ...] | None]:
    return {file: stamp_of(file) for file in files}
