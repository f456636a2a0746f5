# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line: runs node trees without a window."""
