# SPDX-License-Identifier: GPL-3.0-or-later
"""What is drawn on the nodes and around them, and what starts and ends runs."""
