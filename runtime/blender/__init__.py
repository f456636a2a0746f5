# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine's only bpy code: data-blocks to blobs and back, and the worker's own main loop."""
