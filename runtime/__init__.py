# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine: from an immutable graph to results, without bpy (but for `blender/`)."""
