# SPDX-License-Identifier: GPL-3.0-or-later
"""What a .blend file holds, read without Blender."""
