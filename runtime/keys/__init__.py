# SPDX-License-Identifier: GPL-3.0-or-later
"""What the result of a task depends on, and how to tell in words what of it has changed."""
