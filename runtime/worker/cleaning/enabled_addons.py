# SPDX-License-Identifier: GPL-3.0-or-later
"""Which add-ons are enabled: Blender's `addon_utils` marks their modules, among a thousand others."""

from __future__ import annotations

import sys
import types
from itertools import compress
from operator import is_not
from typing import Any

from .dict_versions import DictVersions

_MARK = "__addon_enabled__"


class EnabledAddons:
    """The add-ons that were enabled when this was made. It looks only at modules that may have another mark since."""

    def __init__(self) -> None:
        self._modules = dict(sys.modules)
        self._enabled = {name for name, module in self._modules.items() if _is_marked(module)}
        self._versions = DictVersions()
        self._counted: list[str] = []  # in the order of `_versions`
        self._others: list[str] = []
        for name, module in self._modules.items():
            # Other objects may be given another dict.
            is_counted = isinstance(module, types.ModuleType) and self._versions.add(vars(module))
            (self._counted if is_counted else self._others).append(name)

    def have_changed(self) -> bool:
        """Whether others are enabled now."""
        now, before = dict(sys.modules), self._modules
        changed = self._versions.changed() if self._counted else []
        looked_at = set(compress(now, map(is_not, map(before.get, now), now.values())))
        looked_at.update(self._others, self._enabled, (self._counted[number] for number in changed))
        if any(_is_marked(now.get(name)) != (name in self._enabled) for name in looked_at):
            return True
        self._versions.note(changed)
        return False


def _is_marked(module: Any) -> bool:
    attributes = getattr(module, "__dict__", None)
    return attributes is not None and bool(attributes.get(_MARK))
