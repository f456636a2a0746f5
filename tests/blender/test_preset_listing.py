"""An online library: what Blender's own listing says of presets is all that they say of themselves."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import bpy
import pytest

from background_nodes.runtime.blend_file.asset_data import Picture
from background_nodes.runtime.presets.preset import properties_of

from .graphs import new_tree
from .test_presets import group_in, save


@pytest.mark.blender_only
@pytest.mark.skipif(bpy.app.version < (5, 2), reason="Blender lists libraries since 5.2")
def test_listing_that_blender_generates_of_a_library_keeps_all_that_presets_say(tmp_path):
    node = group_in(new_tree())
    picture = Picture(2, 2, bytes(range(16)))
    words = {"author": "Ada", "licence": "CC0-1.0", "description": "Doubles", "tags": ("number",), "catalog": "Maths"}
    saved = save(node, str(tmp_path), picture=picture, **words)
    save(node, str(tmp_path), uuid=saved.uuid, change="Twice as much")

    command = (bpy.app.binary_path, "-c", "asset_listing", "generate", str(tmp_path))
    subprocess.run(command, check=True, capture_output=True, timeout=120)

    (listing,) = (tmp_path / "_v1").glob("assets-*.json")
    assets = json.loads(listing.read_text(encoding="utf-8"))["assets"]
    assert len(assets) == 2
    (asset,) = (each for each in assets if each["files"] == [Path(saved.file).name])
    meta = asset["meta"]
    assert {**properties_of(saved)} == {
        each["name"]: each["value"] for each in meta["properties"] if each["name"].startswith("background_nodes_")
    }
    assert (asset["name"], meta["author"], meta["license"], meta["tags"]) == ("Doubled", "Ada", "CC0-1.0", ["number"])
    assert (meta["description"], meta["catalog_id"]) == ("Doubles", saved.catalog_id)
    assert len(list(tmp_path.rglob("*.webp"))) == 1, "the one that has a picture"
