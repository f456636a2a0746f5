# SPDX-License-Identifier: GPL-3.0-or-later
"""What everything that draws has in common; it knows no node tree and no run."""
