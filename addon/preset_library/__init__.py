# SPDX-License-Identifier: GPL-3.0-or-later
"""What the artist sees of presets beside menus: dialogs, the asset shelf, the tab of the Sidebar."""
