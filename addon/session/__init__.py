# SPDX-License-Identifier: GPL-3.0-or-later
"""The runs and jobs of this Blender. Nothing is drawn here: code that draws listens to the session's news."""
