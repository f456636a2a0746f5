# SPDX-License-Identifier: GPL-3.0-or-later
"""Node trees of the open file as text, and made of text. `runtime/text_form/form.py` says what the text holds."""
