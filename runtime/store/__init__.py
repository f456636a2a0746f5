# SPDX-License-Identifier: GPL-3.0-or-later
"""The store: results that outlive a run, on disk, for all Blenders and command lines of one user."""
