# SPDX-License-Identifier: GPL-3.0-or-later
"""The preferences, and how they are laid out."""
