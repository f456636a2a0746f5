# SPDX-License-Identifier: GPL-3.0-or-later
"""What runs when: pure, without a clock, a process or a file."""
