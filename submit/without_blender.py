# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands of this package that need no Blender in their own process."""

from __future__ import annotations

import argparse

from . import collecting, warm_session


def carry_out(options: argparse.Namespace) -> int | None:
    """Do what the options ask for. Returns the exit code; None if that needs Blender in this process."""
    if options.command == "collect":
        return collecting.carry_out(options)
    if options.command == "step":
        return warm_session.ask(options)
    return None if options.action == "serve" else warm_session.carry_out(options)
