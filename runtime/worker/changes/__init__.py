# SPDX-License-Identifier: GPL-3.0-or-later
"""What a script changed of what it was given."""
