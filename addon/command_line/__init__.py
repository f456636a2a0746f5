# SPDX-License-Identifier: GPL-3.0-or-later
"""The same without a window."""
