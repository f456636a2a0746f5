# SPDX-License-Identifier: GPL-3.0-or-later
"""Trees that run by themselves: after a save, after a change, on another frame."""
