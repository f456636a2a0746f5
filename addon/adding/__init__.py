# SPDX-License-Identifier: GPL-3.0-or-later
"""Menus, searches and drops that add nodes."""
