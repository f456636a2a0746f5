# SPDX-License-Identifier: GPL-3.0-or-later
"""From a graph to a plan, and all that is wrong with it."""
