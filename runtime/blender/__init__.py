# SPDX-License-Identifier: GPL-3.0-or-later
"""Data-blocks to blobs and back, in the foreground and in workers."""
