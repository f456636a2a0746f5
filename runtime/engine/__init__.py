# SPDX-License-Identifier: GPL-3.0-or-later
"""What carries runs out: the interface of engines, the runner that drives one, and the messages."""
