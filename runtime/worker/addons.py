# SPDX-License-Identifier: GPL-3.0-or-later
"""Add-ons that a task wants, enabled in its worker. The worker ends after the task (`cleaning/reset.py`)."""

from __future__ import annotations

from collections.abc import Iterable

import addon_utils

from ..errors import BackgroundNodesError


class AddonError(BackgroundNodesError):
    """An add-on that can't be enabled."""


def enable(modules: Iterable[str], node: str) -> None:
    """Enable add-ons by the names of their modules; those that are enabled already stay as they are.

    Raises:
        AddonError: naming the node, the add-on, and the reason.
    """
    for module in modules:
        if not addon_utils.check(module)[1]:
            _enable(module, node)


def _enable(module: str, node: str) -> None:
    reasons: list[str] = []

    def hear(error: Exception) -> None:
        reasons.append(_reason(error, module))

    if addon_utils.enable(module, handle_error=hear) is None:
        reason = reasons[0] if reasons else "Blender refused it"
        raise AddonError(
            f'the add-on "{module}", which the node "{node}" wants, can\'t be enabled in a background Blender '
            f"({reason}). Install it, or take it off the node"
        )


def _reason(error: Exception, module: str) -> str:
    if isinstance(error, ModuleNotFoundError) and error.name and f"{module}.".startswith(f"{error.name}."):
        return "it is not installed"
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
