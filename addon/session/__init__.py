# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs and jobs of this Blender, without a pixel: what is drawn subscribes."""
