# SPDX-License-Identifier: GPL-3.0-or-later
"""What a script says of itself; it is never executed here."""
