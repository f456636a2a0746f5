# SPDX-License-Identifier: GPL-3.0-or-later
"""Give the angles of a turn, one for each frame: linked to *Turntable*, they make it render each frame, in parallel."""

import math
from typing import Annotated

from background_nodes.script import Angle, Range


def main(
    frames: Annotated[int, Range(1, 10000)] = 48,
    start: Angle = 0.0,
    turn: Angle = 2.0 * math.pi,
) -> list[float]:
    """Give the angles.

    Args:
        frames: How many pictures there are.
        start: The angle of the first.
        turn: How far the turn goes. After a full one the first picture would come again, so it is not there twice.

    Returns:
        The angles in radians.
    """
    return [start + turn * index / frames for index in range(frames)]
