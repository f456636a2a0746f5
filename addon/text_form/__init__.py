# SPDX-License-Identifier: GPL-3.0-or-later
"""Node trees as text, for an artist: on the clipboard, and in files."""
