# SPDX-License-Identifier: GPL-3.0-or-later
"""Node trees as text: what the text looks like, what it may hold, and what of it counts. No bpy."""
