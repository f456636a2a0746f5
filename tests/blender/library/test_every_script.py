# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds for each of the shipped scripts."""

from __future__ import annotations

import bpy
import pytest

from background_nodes.runtime.script.signature import ScriptSource, read_signature

from .scenes import (
    LIBRARY,
    link,
    run,
)

SCRIPTS = sorted(path.relative_to(LIBRARY).with_suffix("").as_posix() for path in LIBRARY.rglob("*.py"))


class TestEveryScript:
    @pytest.mark.parametrize("name", SCRIPTS)
    def test_script_describes_itself_and_each_socket(self, name):
        path = LIBRARY / f"{name}.py"
        kinds = {
            kind: kind
            for kind in (
                "Object",
                "Mesh",
                "Image",
                "Collection",
                "Material",
                "World",
                "Scene",
                "Action",
                "NodeTree",
                "ID",
            )
        }
        signature = read_signature(ScriptSource(path.read_text(encoding="utf-8"), str(path)), kinds)
        assert signature.description
        assert signature.inputs
        assert signature.outputs
        assert not [socket for socket in (*signature.inputs, *signature.outputs) if not socket.description]

    @pytest.mark.parametrize("name", ["mesh/decimate", "mesh/apply_modifiers", "mesh/voxel_remesh", "uv/pack_islands"])
    def test_light_instead_of_a_mesh_is_a_clear_error(self, name):
        lamp = link("Lamp", bpy.data.lights.new("Lamp", "POINT"))
        with pytest.raises(ValueError, match=r"Lamp \(Light\) has no surface; link a mesh"):
            run(name, lamp)
