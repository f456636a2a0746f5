# SPDX-License-Identifier: GPL-3.0-or-later
"""The add-ons that jobs name, looked up before anything runs."""

from __future__ import annotations

import difflib
from pathlib import Path

import addon_utils
import bpy

#: What the modules of extensions begin with.
_EXTENSIONS = "bl_ext."
_OWN = "background_nodes"


def found(name: str) -> str:
    """The module of an add-on, by its name in the preferences or that of an extension without its repository.

    Raises:
        ValueError: if it is not there, or more than one is meant; the message says what to do.
    """
    if name.rpartition(".")[2] == _OWN:
        raise ValueError(f'addons has {name!r:.80} in it: scripts import "{_OWN}" without that. Leave it out')
    if name in _installed(refresh=False):
        return name
    installed = _installed(refresh=True)
    if name in installed:
        return name
    in_repositories = sorted(module for module in installed if _is_extension(module, name))
    enabled = [module for module in in_repositories if module in bpy.context.preferences.addons]
    if len(in_repositories) == 1 or len(enabled) == 1:
        return (enabled or in_repositories)[0]
    if in_repositories:
        raise ValueError(f"addons has {name!r:.80} in it, which may be {_listed(in_repositories)}: give one of these")
    raise ValueError(f"addons has {name!r:.80} in it, which is not installed{_hint(name, installed)}")


def _installed(*, refresh: bool) -> set[str]:
    """The modules of all add-ons that are there: looked for anew, or as far as they were found before."""
    found = addon_utils.modules(refresh=refresh)
    return {module.__name__ for module in found if Path(module.__file__).exists()}


def _is_extension(module: str, name: str) -> bool:
    return module.startswith(_EXTENSIONS) and module.rpartition(".")[2] == name


def _hint(name: str, installed: set[str]) -> str:
    """Where it may be, or what else may be meant, and what to do."""
    _prefix, _dot, rest = name.partition(".")
    repository, _dot, extension = rest.partition(".")
    if name.startswith(_EXTENSIONS) and extension:
        elsewhere = sorted(module for module in installed if _is_extension(module, extension))
        if elsewhere:
            return f" there, but as {_listed(elsewhere)}"
        known = {each.module: each for each in bpy.context.preferences.extensions.repos}
        if repository not in known:
            return f": there is no repository {repository!r:.40}. Add it under Get Extensions in the preferences"
        if not known[repository].enabled:
            return f": its repository {known[repository].name!r:.40} is off. Switch it on under Get Extensions"
    by_last_part = {module.rpartition(".")[2]: module for module in sorted(installed)}
    close = difflib.get_close_matches(name.rpartition(".")[2], by_last_part, n=1)
    meant = f" (is {by_last_part[close[0]]!r} meant?)" if close else ""
    return f"{meant}: install it in the preferences"


def _listed(modules: list[str]) -> str:
    return " or ".join(map(repr, modules))
