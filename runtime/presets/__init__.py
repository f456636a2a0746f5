# SPDX-License-Identifier: GPL-3.0-or-later
"""Presets: what a library of them is, and what is said of each, read without Blender."""
