# SPDX-License-Identifier: GPL-3.0-or-later
"""Presets in this Blender: its libraries, saving, using and updating. It draws nothing."""
