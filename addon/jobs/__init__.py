# SPDX-License-Identifier: GPL-3.0-or-later
"""`JobManager`: scripts that other add-ons send to background Blenders. Nothing is drawn here."""
