# SPDX-License-Identifier: GPL-3.0-or-later
"""Which scripts may run: what the artist wrote here or allowed. It draws nothing."""
