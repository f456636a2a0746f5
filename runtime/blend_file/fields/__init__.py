# SPDX-License-Identifier: GPL-3.0-or-later
"""What Blender means by fields of its structs: which say nothing, which name files, which depend on time."""
