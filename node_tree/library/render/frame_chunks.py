# SPDX-License-Identifier: GPL-3.0-or-later
"""Divide the frames of a scene into chunks, for *Render Frames*, which renders them in several Blenders at once."""

from typing import Annotated, NamedTuple

from background_nodes.script import BlendFile, Range, chosen_scene, log


class Output(NamedTuple):
    """What the node gives.

    Attributes:
        chunks: The chunks, each as Render Frames reads it: 1-8, or 1-15x2 for every other frame.
        frames: All frames, in order.
    """

    chunks: list[str]
    frames: list[int]


def main(
    file: BlendFile,
    scene: str = "",
    start: Annotated[int, Range(0)] = 0,
    end: Annotated[int, Range(0)] = 0,
    step: Annotated[int, Range(0)] = 0,
    frames_in_each: Annotated[int, Range(1)] = 8,
) -> Output:
    """Divide frames.

    Args:
        file: The file whose frame range counts where none is set here.
        scene: The name of its scene, empty for the active one.
        start: First frame, 0 for that of the scene.
        end: Last frame, 0 for that of the scene.
        step: Frames from one to the next, 0 for that of the scene.
        frames_in_each: How many frames a chunk has. Fewer keep more Blenders busy to the end, and are rendered again
            one by one where something is lost; more open the file less often.
    """
    used = chosen_scene(scene)
    step = step or used.frame_step
    frames = list(range(start or used.frame_start, (end or used.frame_end) + 1, step))
    if not frames:
        first, last = start or used.frame_start, end or used.frame_end
        raise ValueError(f"From frame {first} to {last} there is none; set Start and End")
    chunks = [frames[index : index + frames_in_each] for index in range(0, len(frames), frames_in_each)]
    log(f"{len(frames)} frames in {len(chunks)} chunks")
    suffix = f"x{step}" if step > 1 else ""
    return Output([f"{chunk[0]}-{chunk[-1]}{suffix}" for chunk in chunks], frames)
