# SPDX-License-Identifier: GPL-3.0-or-later
"""What all drawing code shares. It knows no node tree and no run."""
