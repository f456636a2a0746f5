# SPDX-License-Identifier: GPL-3.0-or-later
"""The version of Background Nodes; that of its packages is in pyproject.toml and blender_manifest.toml."""

from __future__ import annotations

__version__ = "0.1.0"
