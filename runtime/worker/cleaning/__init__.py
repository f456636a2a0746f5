# SPDX-License-Identifier: GPL-3.0-or-later
"""Making a used worker as good as new."""
