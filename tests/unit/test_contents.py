# SPDX-License-Identifier: GPL-3.0-or-later
"""What is written beside a blob."""

from __future__ import annotations

from pathlib import Path

from background_nodes.runtime.scratch.contents import Contents, DataBlockName, PixelFile

IMAGE = DataBlockName("Image", "Image", "")


def test_pixels_are_found_beside_a_blob_that_was_renamed(tmp_path: Path) -> None:
    before, after = tmp_path / "000012.blend", tmp_path / "000345.blend"
    Contents(pixels={IMAGE: PixelFile("000012.0.<UDIM>.png", 2, 3)}).save(before)
    assert Contents.load(before).pixels == {IMAGE: PixelFile("000012.0.<UDIM>.png", 2, 3)}
    before.with_suffix(".json").rename(after.with_suffix(".json"))
    assert Contents.load(after).pixels == {IMAGE: PixelFile("000345.0.<UDIM>.png", 2, 3)}
