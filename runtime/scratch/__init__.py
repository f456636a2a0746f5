# SPDX-License-Identifier: GPL-3.0-or-later
"""The private folder of one Blender: blobs, logs and large values, by name."""
