# SPDX-License-Identifier: GPL-3.0-or-later
"""What all runs of a session share: the store, and what is known of scripts and files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from ..keys.key import Environment
from ..planning.plan import Plan
from ..store import upkeep
from ..store.inventory import Inventory
from ..store.store import Store
from .item_keys import Known
from .kept_results import KeptResults

#: Whoever needs what the nodes of the open file show.
_SHOWN: Final = "open file"
#: The part of a store's limit that is made free at once when the store exceeds it.
_ROOM: Final = 1 / 16


class Cache:
    """What runs share: the store, and what is known of scripts and files.

    Attributes:
        info: how full the store is, None before that was looked at.
        is_info_old: whether results were kept since then.
        pending: the keys and subjects of results that are being kept.
        checked: the keys of large results whose files were read in this session.
    """

    def __init__(self, store: Store, environment: Callable[[Plan], Environment]) -> None:
        """`environment` gives what the results of a plan depend on beside its scripts and values, as it is now."""
        self.store = store
        self.info: upkeep.Info | None = None
        self.is_info_old = False
        self._tidied: tuple[Store, upkeep.Info, int, int] | None = None  # with what the store had kept by then
        self.pending: Counter[str] = Counter()
        self.checked: set[str] = set()
        self.environment = environment
        self.known = Known()
        self.results = KeptResults()
        self._shown: dict[str, frozenset[str]] = {}  # the keys of what the open file's nodes show, by their ids

    def begin_keeping(self, *names: str) -> None:
        """Note that a result is being kept, which others look for by these keys and subjects."""
        self.pending.update(names)

    def end_keeping(self, names: Iterable[str]) -> None:
        """Note that it is kept, or can't be."""
        for name in names:
            self.pending[name] -= 1
            if not self.pending[name]:
                del self.pending[name]

    def use(self, store: Store) -> Store | None:
        """Use another store, if it is in another folder. Returns the one that is used no more, None if it still is."""
        if store.folder.path == self.store.folder.path:
            self.store.limits = store.limits
            return None
        old, self.store, self.info = self.store, store, None
        return old

    # What follows may take its time: it is done on another thread. It raises StoreError

    def look(self) -> upkeep.Info:
        """How full the store is."""
        return upkeep.info(self.store)

    def settle(self, shown: Mapping[str, Iterable[str]], *, has_kept: bool) -> upkeep.Info | None:
        """Let the results of a run stay in the store, and it within its limits if the run gave it any.

        Args:
            shown: the keys of the results that nodes show from now on, by their ids.
            has_kept: whether the run gave the store anything.

        Returns:
            how full it is then, None if it was not looked at.
        """
        self._shown |= {task: frozenset(keys) for task, keys in shown.items()}
        self._need_shown()
        if not has_kept:
            return None
        if self._is_to_tidy():
            return self.tidy()
        self.is_info_old = True
        return None

    def show_last(self, tasks: Iterable[str]) -> None:
        """Let just the last results of these nodes stay in the store: another file is open, which has these nodes."""
        self._shown = {task: frozenset(self.results.last_keys(self.store, task)) for task in tasks}
        self._need_shown()

    def _need_shown(self) -> None:
        self.store.lease(_SHOWN, frozenset().union(*self._shown.values()))

    def _is_to_tidy(self) -> bool:
        """Whether the store may exceed its limits, or as much was kept since it was tidied as it had then.

        To look through it takes time for all that is in it, so that is not done after each run.
        """
        if self._tidied is None or self._tidied[0] is not self.store:
            return True
        store, info, num_kept, size_kept = self._tidied
        size = info.size + store.size_kept - size_kept
        is_full = size > store.limits.max_size or store.folder.free() < store.limits.min_free
        return is_full or store.num_kept - num_kept >= info.num_records

    def tidy(self) -> upkeep.Info:
        """Keep the store within its limits; how full it is then."""
        store = self.store
        num_kept, size_kept, inventory = store.num_kept, store.size_kept, Inventory(store.folder)
        upkeep.prune(store, int(store.limits.max_size * _ROOM), inventory)
        info = upkeep.info(store, inventory)
        self._tidied = store, info, num_kept, size_kept
        return info

    def clear(self) -> upkeep.Info:
        """Remove all that is kept."""
        upkeep.clear(self.store)
        return upkeep.info(self.store)

    def clear_unused(self) -> upkeep.Info:
        """Remove what no open Blender shows or needs."""
        upkeep.clear_unused(self.store)
        return upkeep.info(self.store)
