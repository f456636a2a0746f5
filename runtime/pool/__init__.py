# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine of this machine: background Blenders that are kept warm."""
