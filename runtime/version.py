# SPDX-License-Identifier: GPL-3.0-or-later
"""The version of Background Nodes; that of its packages is in pyproject.toml and blender_manifest.toml."""

from __future__ import annotations

from typing import Final

__version__ = "0.1.0"

#: Part of the key of each result. Raise it when tasks give other results than before: what is kept is then made anew.
RESULTS_VERSION: Final = 9
