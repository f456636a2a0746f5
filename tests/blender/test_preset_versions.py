"""A preset that one Blender has saved is the same in all that can read it; the others say why not, and open nothing."""

from __future__ import annotations

import gzip
from pathlib import Path

import bpy
import pytest

from background_nodes.addon.presets import using
from background_nodes.node_tree.text_form.dumping import dump
from background_nodes.runtime.errors import PresetError
from background_nodes.runtime.presets.library import PresetLibrary
from background_nodes.runtime.presets.preset import Preset
from background_nodes.runtime.text_form.form import to_text

from .graphs import new_tree

#: What `make presets` has written.
SAVED = Path(__file__).parent / "saved_presets"
TEXT = Path(__file__).parent / "written_by_4_2.json"


def saved(version: str, folder: Path) -> Preset:
    (folder / "preset.blend").write_bytes(gzip.decompress((SAVED / f"{version}.blend.gz").read_bytes()))
    library = PresetLibrary(str(folder))
    library.read()
    assert library.findings() == ()
    (preset,) = library.presets()
    assert preset.blender == version
    return preset


@pytest.mark.parametrize(("version", "oldest"), [("4.2", (4, 2)), ("5.2", (5, 0))])
def test_preset_is_the_same_in_all_blenders_that_can_read_it(version, oldest, tmp_path, monkeypatch):
    preset = saved(version, tmp_path)
    assert preset.needs_blender == ".".join(map(str, oldest))
    if bpy.app.version[:2] >= oldest:
        used = using.use_tree(preset)
        assert to_text(dump(used.tree)) == TEXT.read_text(encoding="utf-8")
        assert list(bpy.data.libraries) == []
    else:
        monkeypatch.setattr(using, "_linked", None)  # it is not even opened
        with pytest.raises(PresetError, match=r"needs Blender 5\.0 or later"):
            using.use_tree(preset)
        assert [finding.is_error for finding in using.needs(preset)] == [True]


def test_preset_of_the_oldest_is_used_as_a_group(tmp_path):
    preset = saved("4.2", tmp_path)
    tree = new_tree("Outer")
    used = using.use(preset, tree)
    assert used.node.node_tree == used.tree
    assert using.use(preset, tree).tree == used.tree
