# SPDX-License-Identifier: GPL-3.0-or-later
"""The nodes of the category Import/Export, by what is in the files."""

from __future__ import annotations

import json
import os
import struct
from pathlib import Path

import bpy
import numpy as np
import pytest

from background_nodes.runtime.engine.used_files import noted
from background_nodes.runtime.keys.files import FileDigests

from .scenes import (
    cube,
    files_in,
    grid,
    link,
    load,
    material,
    mesh_object,
    open_empty_file,
    picture,
    pixels,
    run,
    saved_picture,
    scattered,
    subdivided,
    textured,
    tiled_picture,
)

#: Of each exporter: the file of one object and what else it must be given.
EXPORTERS = {
    "export_gltf": {"filepath": "out.gltf"},
    "export_each_gltf": {"folder": "", "name": "out", "file_format": "glTF Separate"},
    "export_obj": {"filepath": "out.obj"},
    "export_each_obj": {"folder": "", "name": "out"},
}


def export(script: str, item: bpy.types.Object, folder: Path, **options) -> Path:
    options = {**EXPORTERS[script], **options}
    place = "filepath" if "filepath" in options else "folder"
    source = item if "each" in script else [item]
    return run(f"import_export/{script}", source, **{**options, place: folder / options[place]})


def curve() -> bpy.types.Object:
    data = bpy.data.curves.new("Shape", "CURVE")
    data.dimensions, data.bevel_depth = "3D", 0.1
    data.splines.new("POLY").points.add(2)
    data.splines[0].points[1].co, data.splines[0].points[2].co = (1.0, 0.0, 0.0, 1.0), (1.0, 2.0, 0.0, 1.0)
    return link("Shape", data)


def text() -> bpy.types.Object:
    data = bpy.data.curves.new("Shape", "FONT")
    data.body = "A"
    return link("Shape", data)


def metaball() -> bpy.types.Object:
    data = bpy.data.metaballs.new("Shape")
    data.elements.new()
    return link("Shape", data)


SHAPES = {"Curve": curve, "Text": text, "Metaball": metaball}


def nothing_to_see(kind: str) -> bpy.types.Object:
    if kind == "Empty":
        return link("Nothing", None)
    if kind == "Speaker":
        return link("Nothing", bpy.data.speakers.new("Nothing"))
    return mesh_object("Nothing", [], []) if kind == "no vertices" else mesh_object("Nothing", [(0, 0, 0)] * 2, [])


class TestNothingWritten:
    @pytest.mark.parametrize("kind", ["Empty", "Speaker", "no vertices", "no faces"])
    @pytest.mark.parametrize("script", EXPORTERS)
    def test_export_of_nothing_is_a_clear_error_and_no_file(self, script, kind, tmp_path):
        item = nothing_to_see(kind)
        if kind == "no faces" and "obj" in script:
            assert export(script, item, tmp_path)  # OBJ holds points
            return
        with pytest.raises(ValueError, match="Nothing of Nothing goes into"):
            export(script, item, tmp_path)
        assert not list(tmp_path.iterdir())

    def test_lamp_in_an_obj_file_is_a_clear_error(self, tmp_path):
        lamp = link("Lamp", bpy.data.lights.new("Lamp", "POINT"))
        with pytest.raises(ValueError, match="Nothing of Lamp goes into an OBJ file; link meshes"):
            export("export_obj", lamp, tmp_path)

    @pytest.mark.parametrize("script", EXPORTERS)
    def test_mesh_that_only_modifiers_make_is_something(self, script, tmp_path):
        item = mesh_object("Line", [(0, 0, 0), (1, 0, 0)], [])
        item.data.edges.add(1)
        item.data.edges[0].vertices = (0, 1)
        screw = item.modifiers.new("Screw", "SCREW")
        screw.axis, screw.steps = "Z", 8
        assert export(script, item, tmp_path)

    @pytest.mark.parametrize("script", ["export_gltf", "export_obj"])
    def test_mesh_that_is_left_out_is_an_error(self, script, tmp_path, monkeypatch):
        """Blender's exporter leaves out objects whose parent is in no scene; here a replaced operator does."""
        namespace = load(f"import_export/{script}").main.__globals__
        select = namespace["select"]
        namespace["select"] = lambda objects: select(objects[:1])
        with pytest.raises(RuntimeError, match="Blender left out"):
            namespace["main"]([cube(), cube("Second")], tmp_path / "out")
        assert not list(tmp_path.iterdir())

    def test_blender_that_can_t_compress_is_a_clear_error(self, tmp_path):
        item = cube()
        path = export("export_gltf", item, tmp_path)
        with pytest.raises(RuntimeError, match="can't compress with Draco; switch Compress off"):
            load("import_export/export_gltf").check(path, [item], apply_modifiers=True, compress=True)

    def test_obj_file_without_an_object_is_a_clear_error(self, tmp_path):
        path = tmp_path / "empty.obj"
        path.write_text("# nothing\n")
        with pytest.raises(ValueError, match=r"empty\.obj holds no object"):
            run("import_export/import_obj", path)


class TestTextures:
    @pytest.mark.parametrize("script", EXPORTERS)
    def test_images_of_one_name_from_two_folders_are_two_files(self, script, tmp_path):
        item = grid(cells=2)
        for index, color in enumerate([(1, 0, 0, 1), (0, 1, 0, 1)]):
            image = saved_picture(tmp_path / str(index) / "diffuse.png", color)
            item.data.materials.append(textured(material(f"Material {index}"), image))
        for polygon in item.data.polygons:
            polygon.material_index = polygon.index % 2
        path = export(script, item, tmp_path / "out")
        open_empty_file()
        (item,) = run("import_export/import_obj" if path.suffix == ".obj" else "import_export/import_gltf", path)
        shown = [base_color(slot.material) for slot in item.material_slots]
        assert sorted(tuple(pixels(image)[0, 0]) for image in shown) == [(0, 1, 0, 1), (1, 0, 0, 1)]
        assert all((tmp_path / "out" / "out_textures") in Path(image.filepath).parents for image in shown)

    @pytest.mark.parametrize("script", ["export_obj", "export_each_obj"])
    def test_images_that_the_format_has_no_use_for_are_not_written(self, script, tmp_path):
        item, steel = grid(cells=2), textured(material("Steel"), picture("Used", (1, 0, 0, 1)))
        steel.node_tree.nodes.new("ShaderNodeTexImage").image = picture("Unused", (1, 0, 0, 1))
        item.data.materials.append(steel)
        export(script, item, tmp_path)
        assert files_in(tmp_path) == ["out.mtl", "out.obj", "out_textures/Used.png"]

    @pytest.mark.parametrize("script", ["export_obj", "export_each_obj"])
    @pytest.mark.parametrize("state", ["on disk", "packed"])
    def test_all_tiles_are_beside_the_obj_file(self, state, script, tmp_path):
        image = tiled_picture(tmp_path / "wall.<UDIM>.png", {1001: (1, 0, 0, 1), 1002: (0, 1, 0, 1)})
        if state == "packed":
            image.pack()
        item = grid(cells=2)
        item.data.materials.append(textured(material("Steel"), image))
        path = export(script, item, tmp_path / "out")
        name = "wall" if state == "on disk" else image.name.replace(".", "_").removesuffix("_png")
        (line,) = [line for line in path.with_suffix(".mtl").read_text().splitlines() if line.startswith("map_Kd")]
        assert line == f"map_Kd out_textures/{name}.<UDIM>.png"
        files = [f"out_textures/{name}.{number}.png" for number in (1001, 1002)]
        assert files_in(tmp_path / "out") == ["out.mtl", "out.obj", *files]

    @pytest.mark.parametrize("script", EXPORTERS)
    def test_image_beside_the_export_is_left_alone(self, script, tmp_path):
        image = saved_picture(tmp_path / "diffuse.png", (1, 0, 0, 1))
        before = (tmp_path / "diffuse.png").read_bytes()
        image.pixels.foreach_set(np.ones(8 * 4 * 4, np.float32))
        item = grid(cells=2)
        item.data.materials.append(textured(material("Steel"), image))
        export(script, item, tmp_path)
        assert (tmp_path / "diffuse.png").read_bytes() == before
        assert "out_textures/diffuse.png" in files_in(tmp_path)


class TestNamesThatMeet:
    @pytest.mark.parametrize(
        ("script", "names", "files"),
        [
            ("export_each_obj", ["Wall/A", "Wall:A", "wall_a"], ["Wall_A", "Wall_A_2", "wall_a_3"]),
            ("export_each_gltf", ["CON", "Dot.", "dot"], ["_CON", "Dot", "dot_2"]),
        ],
    )
    def test_each_item_has_a_file_of_its_own(self, script, names, files, tmp_path, item_of):
        for index, name in enumerate(names):
            item_of(names, index, parameter="source")
            assert export(script, cube(name), tmp_path, name="").stem == files[index]

    @pytest.mark.parametrize("script", ["export_each_obj", "export_each_gltf"])
    def test_one_name_for_all_gets_numbers(self, script, tmp_path, item_of):
        for _run in range(2):  # the second one writes over the files of the first
            for index in range(3):
                item_of(["A", "B", "C"], index, parameter="source")
                export(script, cube(), tmp_path, name="level")
        assert [path.stem for path in sorted(tmp_path.glob("*.obj" if "obj" in script else "*.gltf"))] == [
            "level",
            "level_2",
            "level_3",
        ]


def base_color(steel: bpy.types.Material) -> bpy.types.Image:
    (link_to_color,) = steel.node_tree.nodes["Principled BSDF"].inputs["Base Color"].links
    return link_to_color.from_node.image


class TestExportAndImport:
    def test_glb_comes_back_with_the_same_triangles(self, tmp_path):
        sources = [cube(), subdivided(cube("Sphere ü"), levels=2)]
        path = run("import_export/export_gltf", sources, tmp_path / "a folder" / "två objekt")
        assert path == tmp_path / "a folder" / "två objekt.glb"
        assert list(path.parent.iterdir()) == [path]
        open_empty_file()
        objects = run("import_export/import_gltf", path)
        assert sorted((item.name, len(item.data.polygons)) for item in objects) == [("Cube", 12), ("Sphere ü", 192)]

    @pytest.mark.parametrize("script", ["export_gltf", "export_each_gltf"])
    @pytest.mark.parametrize("apply_modifiers", [True, False])
    @pytest.mark.parametrize("kind", ["Text", "Curve", "Metaball"])
    def test_curve_text_and_metaball_are_in_a_gltf_file_once(self, kind, apply_modifiers, script, tmp_path):
        source = SHAPES[kind]()
        child = cube("Child")
        child.parent = source
        path = export(script, source, tmp_path, apply_modifiers=apply_modifiers)
        content = json.loads(path.read_text())
        assert [node["name"] for node in content["nodes"] if "mesh" in node] == ["Shape"]
        assert len(content["meshes"]) == 1
        assert child.parent.name == "Shape"

    @pytest.mark.parametrize("script", ["export_obj", "export_each_obj"])
    def test_curve_is_in_an_obj_file_once(self, script, tmp_path):
        source = curve()
        written = export(script, source, tmp_path).read_text()
        assert written.count("\no ") == 1
        assert "o Shape" in written
        assert written.count("\nf ") == run("mesh/measure", source).faces

    @pytest.mark.parametrize("animation", [True, False])
    @pytest.mark.parametrize("script", ["export_gltf", "export_each_gltf"])
    def test_gltf_file_shows_the_current_frame(self, script, animation, tmp_path):
        item = cube("Item")
        for frame in (1, 11):
            item.location.x = frame
            item.keyframe_insert("location", frame=frame)
        bpy.context.scene.frame_set(11)
        content = json.loads(export(script, item, tmp_path, animation=animation).read_text())
        assert content["nodes"][0]["translation"][0] == pytest.approx(11.0)

    def test_gltf_log_tells_what_is_left_out_and_what_is_not_posed(self, tmp_path, capsys):
        lamp, rig = link("Lamp", bpy.data.lights.new("Lamp", "AREA")), link("Rig", bpy.data.armatures.new("Rig"))
        body = cube("Body")
        body.modifiers.new("Armature", "ARMATURE").object = rig
        run("import_export/export_gltf", [body, lamp], tmp_path / "out.gltf")
        told = capsys.readouterr().out
        assert "Lamp is not in the file" in told
        assert "Body is in the file without its armature, and not posed; link Rig, too" in told

    @pytest.mark.parametrize("script", ["export_gltf", "export_each_gltf"])
    def test_gltf_log_tells_if_the_scene_is_not_in_metres(self, script, tmp_path, capsys):
        export(script, cube("Coin"), tmp_path)
        assert "A unit of the scene" not in capsys.readouterr().out
        bpy.context.scene.unit_settings.scale_length = 0.01
        export(script, cube("Coin"), tmp_path)
        told = "A unit of the scene is 0.01 m, one of a glTF file 1 m: all is 100 times as large there"
        assert told in capsys.readouterr().out

    def test_curve_that_deforms_another_object_still_does_in_a_gltf_file(self, tmp_path):
        path, train = curve(), grid("Train")
        train.modifiers.new("Curve", "CURVE").object = path
        alone = json.loads(run("import_export/export_gltf", [train], tmp_path / "alone.gltf").read_text())
        both = json.loads(run("import_export/export_gltf", [train, path], tmp_path / "both.gltf").read_text())
        (place,) = [mesh["primitives"][0]["attributes"]["POSITION"] for mesh in alone["meshes"]]
        assert alone["accessors"][place]["max"] in [each.get("max") for each in both["accessors"]]

    def test_separate_gltf_has_its_files_beside_it(self, tmp_path):
        low, high = grid("Low", cells=2), grid("High", cells=4, height=lambda x, y: 0.1 * x * x)
        run("bake/bake_normal", low, high, resolution=16, samples=1, cage_extrusion=0.3)
        path = run("import_export/export_each_gltf", low, tmp_path, file_format="glTF Separate")
        assert files_in(tmp_path) == ["Low.bin", "Low.gltf", "Low_textures/Low Normal.png"]
        open_empty_file()
        (item,) = run("import_export/import_gltf", path)
        assert pixels(bpy.data.images[0])[..., 2].mean() > 0.9
        assert len(item.data.polygons) == 8

    def test_object_s_name_makes_a_name_that_every_system_takes(self, tmp_path):
        hidden = cube('Rock: "A/B"?')
        hidden.hide_viewport = True
        path = run("import_export/export_each_gltf", hidden, tmp_path)
        assert path == tmp_path / "Rock_ _A_B__.glb"
        assert path.stat().st_size > 500

    def test_failed_export_leaves_the_old_file_alone(self, tmp_path, monkeypatch):
        path = tmp_path / "old.glb"
        path.write_bytes(b"old")
        script = load("import_export/export_gltf")

        def fail(objects):
            raise RuntimeError("broken")

        script.main.__globals__["enable_add_on"] = lambda: None
        script.main.__globals__["select"] = fail
        with pytest.raises(RuntimeError, match="broken"):
            script.main([cube()], path)
        assert path.read_bytes() == b"old"
        assert list(tmp_path.iterdir()) == [path]

    def test_obj_comes_back_with_the_same_faces_and_size(self, tmp_path):
        source = subdivided(cube(), levels=1)
        source.data.materials.append(material("Steel"))
        path = run("import_export/export_obj", [source], tmp_path / "model")
        assert sorted(entry.name for entry in tmp_path.iterdir()) == ["model.mtl", "model.obj"]
        open_empty_file()
        (item,) = run("import_export/import_obj", path)
        assert len(item.data.polygons) == 24
        assert item.material_slots[0].material.name == "Steel"

    def test_obj_takes_packed_images_along(self, tmp_path):
        source, image = grid(cells=2), picture("Rust", (0.5, 0.2, 0.1, 1.0))
        image.pack()
        source.data.materials.append(textured(material("Steel"), image))
        path = run("import_export/export_each_obj", source, tmp_path, name="grid")
        assert files_in(tmp_path) == ["grid.mtl", "grid.obj", "grid_textures/Rust.png"]
        map_line = next(line for line in (tmp_path / "grid.mtl").read_text().splitlines() if "map_Kd" in line)
        assert map_line == "map_Kd grid_textures/Rust.png"
        assert path.name == "grid.obj"

    @pytest.mark.parametrize("script", ["export_each_gltf", "export_each_obj"])
    @pytest.mark.parametrize("alpha", [1.0, 0.5])
    def test_packed_floats_are_as_a_screen_shows_them(self, alpha, script, tmp_path):
        image = bpy.data.images.new("Light", 8, 8, alpha=True, float_buffer=True)
        image.pixels.foreach_set(np.tile(np.float32((0.5 * alpha, 0.0, 0.0, alpha)), 64))  # linear, multiplied by alpha
        image.pack()
        source = grid(cells=2)
        source.data.materials.append(textured(material("Steel"), image))
        export(script, source, tmp_path)
        (file,) = tmp_path.rglob("Light*.png")
        written = run("image/convert_image", bpy.data.images.load(str(file)), depth="8 Bits")
        assert pixels(written)[4, 4] == pytest.approx((0.735, 0.0, 0.0, alpha), abs=0.01)

    def test_camera_and_lamp_that_are_handed_in_are_exported(self, tmp_path):
        camera, lamp = link("Camera", bpy.data.cameras.new("C")), link("Lamp", bpy.data.lights.new("L", "POINT"))
        path = run("import_export/export_gltf", [camera, lamp, cube()], tmp_path / "all")
        open_empty_file()
        objects = run("import_export/import_gltf", path)
        assert sorted((item.name, item.type) for item in objects) == [
            ("Camera", "CAMERA"),
            ("Cube", "MESH"),
            ("Lamp", "LIGHT"),
        ]

    @pytest.mark.parametrize("script", ["export_gltf", "export_each_gltf"])
    def test_instances_of_geometry_nodes_are_exported(self, script, tmp_path):
        path = export(script, scattered(grid(cells=1)), tmp_path)
        open_empty_file()
        objects = run("import_export/import_gltf", path)
        assert [len(item.data.polygons) for item in objects if item.type == "MESH"] == [12] * 4

    def test_rig_comes_without_the_shape_that_its_bones_are_drawn_in(self, tmp_path):
        rig, body = link("Rig", bpy.data.armatures.new("Rig")), cube("Body")
        bpy.context.view_layer.objects.active = rig
        bpy.ops.object.mode_set(mode="EDIT")
        rig.data.edit_bones.new("Bone").tail = (0.0, 0.0, 1.0)
        bpy.ops.object.mode_set(mode="OBJECT")
        body.parent = rig
        body.modifiers.new("Armature", "ARMATURE").object = rig
        body.vertex_groups.new(name="Bone").add(range(8), 1.0, "REPLACE")
        path = run("import_export/export_gltf", [rig, body], tmp_path / "rig")
        open_empty_file()
        assert [item.name for item in run("import_export/import_gltf", path)] == ["Rig", "Body"]

    @pytest.mark.parametrize("script", EXPORTERS)
    def test_object_in_a_hidden_collection_is_exported(self, script, tmp_path):
        collection = bpy.data.collections.new("Hidden")
        bpy.context.scene.collection.children.link(collection)
        collection.objects.link(item := cube())
        bpy.context.scene.collection.objects.unlink(item)
        collection.hide_viewport = True
        assert export(script, item, tmp_path).stat().st_size > 500

    @pytest.mark.parametrize("name", ["import_gltf", "import_obj", "append_from_blend"])
    def test_missing_file_is_a_clear_error(self, name, tmp_path):
        with pytest.raises(ValueError, match="There is no file"):
            run(f"import_export/{name}", tmp_path / "nothing.glb")

    def test_broken_glb_is_a_clear_error(self, tmp_path):
        path = tmp_path / "broken.glb"
        path.write_bytes(b"glTF nonsense")
        with pytest.raises(ValueError, match=r"broken\.glb can't be imported"):
            run("import_export/import_gltf", path)


class TestSaveBlendFile:
    def test_file_opens_with_the_objects_in_its_scene(self, tmp_path):
        bpy.context.scene.render.fps = 12
        source, other = cube(), cube("Not Saved")
        collection = bpy.data.collections.new("Props")
        collection.objects.link(child := cube("Prop"))
        bpy.context.scene.collection.objects.unlink(child)
        steel = material("Unused Steel")
        path = run("import_export/save_blend_file", [source, collection, steel], tmp_path / "out")
        assert list(tmp_path.iterdir()) == [path]
        assert other
        bpy.ops.wm.open_mainfile(filepath=str(path), load_ui=False, use_scripts=False)
        scene = bpy.context.scene
        assert scene.objects.keys() == ["Cube", "Prop"]
        assert scene.collection.children.keys() == ["Props"]
        assert scene.render.fps == 12
        assert bpy.data.objects.keys() == ["Cube", "Prop"]
        assert bpy.data.materials["Unused Steel"].use_fake_user

    def test_what_they_hang_on_stays_in_the_file_out_of_sight(self, tmp_path):
        table, cup, cutter = cube("Table"), cube("Cup"), cube("Cutter")
        table.location.x, cup.parent = 3.0, table
        cup.modifiers.new("Boolean", "BOOLEAN").object = cutter
        path = run("import_export/save_blend_file", [cup], tmp_path / "out.blend")
        for _save in range(2):
            bpy.ops.wm.open_mainfile(filepath=str(path), load_ui=False, use_scripts=False)
            bpy.ops.wm.save_mainfile()
        assert bpy.context.view_layer.objects.keys() == ["Cup"]
        assert sorted(bpy.context.scene.objects.keys()) == ["Cup", "Cutter", "Table"]
        assert bpy.data.objects["Cup"].matrix_world.translation.x == 3.0

    @pytest.mark.parametrize("name", ["save_blend_file", "export_gltf", "export_obj"])
    @pytest.mark.parametrize("path", ["", "out", "~/out"])
    def test_path_that_is_not_whole_is_a_clear_error(self, tmp_path, monkeypatch, name, path):
        monkeypatch.chdir(tmp_path)
        with pytest.raises(ValueError, match="is no whole path; begin it with //"):
            run(f"import_export/{name}", [cube()], Path(path))
        assert list(tmp_path.iterdir()) == []

    def test_instanced_collection_is_in_no_scene(self, tmp_path):
        collection = bpy.data.collections.new("Asset")
        collection.objects.link(part := cube("Part"))
        bpy.context.scene.collection.objects.unlink(part)
        instance = link("Instance", None)
        instance.instance_type, instance.instance_collection = "COLLECTION", collection
        path = run("import_export/save_blend_file", [instance], tmp_path / "out.blend")
        bpy.ops.wm.open_mainfile(filepath=str(path), load_ui=False, use_scripts=False)
        assert bpy.context.scene.objects.keys() == ["Instance"]
        assert bpy.data.objects["Part"].users_collection == (bpy.data.collections["Asset"],)

    def test_unsaved_pixels_in_a_material_are_kept(self, tmp_path):
        item = cube()
        item.data.materials.append(textured(material("Steel"), picture("Dots", (1.0, 0.0, 0.0, 1.0))))
        path = run("import_export/save_blend_file", [item], tmp_path / "out.blend")
        bpy.ops.wm.open_mainfile(filepath=str(path), load_ui=False, use_scripts=False)
        assert pixels(bpy.data.images["Dots"])[0, 0].tolist() == [1.0, 0.0, 0.0, 1.0]

    def test_unsaved_pixels_are_kept(self, tmp_path):
        path = run("import_export/save_blend_file", [picture("Dots", (1.0, 0.0, 0.0, 1.0))], tmp_path / "out.blend")
        bpy.ops.wm.open_mainfile(filepath=str(path), load_ui=False, use_scripts=False)
        assert pixels(bpy.data.images["Dots"])[0, 0].tolist() == [1.0, 0.0, 0.0, 1.0]

    def test_appending_takes_what_the_pattern_names(self, tmp_path):
        saved = [cube("Rock A"), cube("Rock B"), cube("Tree")]
        path = run("import_export/save_blend_file", saved, tmp_path / "out.blend")
        open_empty_file()
        found = run("import_export/append_from_blend", path, "Object", "Rock*")
        assert [item.name for item in found] == ["Rock A", "Rock B"]
        assert len(found[0].data.polygons) == 6
        with pytest.raises(ValueError, match="no object named Bush"):
            run("import_export/append_from_blend", path, "Object", "Bush")

    def test_appending_takes_a_name_with_brackets_as_it_is(self, tmp_path):
        path = run("import_export/save_blend_file", [cube("Rock [old]"), cube("Rock o")], tmp_path / "out.blend")
        open_empty_file()
        assert [item.name for item in run("import_export/append_from_blend", path, "Object", "Rock [old]")] == [
            "Rock [old]"
        ]
        assert [item.name for item in run("import_export/append_from_blend", path, "Object", "* [old]")] == [
            "Rock [old].001"  # beside the one that is there now
        ]


class TestFilesBeside:
    """A result is used again only while the files are as they were that its file leads to."""

    @pytest.mark.parametrize("ending", [".obj", ".gltf", ".glb"])
    def test_files_that_an_import_reads_beside_its_own_are_named(self, ending, tmp_path):
        from background_nodes.runtime.engine.used_files import noted

        item = grid(cells=2)
        item.data.materials.append(textured(material("Wood"), saved_picture(tmp_path / "wood 1.png", (1, 0, 0, 1))))
        script = "obj" if ending == ".obj" else "gltf"
        path = export(f"export_{script}", item, tmp_path / "out", filepath=f"out{ending}")
        open_empty_file()
        with noted(bpy.path.abspath) as used:
            run(f"import_export/import_{script}", path)
        beside = {file for file in files_in(tmp_path / "out") if file != path.name}
        # A file that is missing is one that Blender would read if it were there.
        there = {Path(file) for file, state in used.read.items() if state.digest != "missing"}
        assert {file.relative_to(tmp_path / "out").as_posix() for file in there} == beside
        assert bool(beside) is (ending != ".glb")

    def test_libraries_of_a_file_are_named(self, tmp_path):
        from background_nodes.runtime.engine.used_files import noted

        item = cube()
        item.data.materials.append(material("Steel"))
        library, path = tmp_path / "library.blend", tmp_path / "scene.blend"
        bpy.data.libraries.write(str(library), {bpy.data.materials["Steel"]})
        open_empty_file()
        with bpy.data.libraries.load(str(library), link=True) as (_there, wanted):
            wanted.materials = ["Steel"]
        cube().data.materials.append(wanted.materials[0])
        bpy.data.libraries.write(str(path), {bpy.data.objects["Cube"]})
        open_empty_file()
        with noted(bpy.path.abspath) as used:
            run("import_export/append_from_blend", path, name="Cube")
        assert str(library) in used.read


def depends_on(imported: Path, other: str | bytes) -> bool:
    """Whether the import of a file runs again after another file beside it has changed. It is kept if none changes."""
    other = imported.parent / os.fsdecode(other)
    with noted(str) as used:
        run(f"import_export/import_{'obj' if imported.suffix == '.obj' else 'gltf'}", imported)
    assert not used.obstacle
    assert all(FileDigests().is_as_it_was(state) for state in used.read.values())
    other.parent.mkdir(exist_ok=True)
    other.write_bytes(b"other")
    return not all(FileDigests().is_as_it_was(state) for state in used.read.values())


TRIANGLE = "v 0 0 0\nv 1 0 0\nv 0 1 0\nusemtl Red\nf 1 2 3\n"
MATERIAL_FILES = [
    ("mtllib a.mtl\n", "a.mtl"),
    ("mtllib a.mtl\r\n", "a.mtl"),
    ("", "foo.mtl"),
    ("mtllib other.mtl\n", "foo.mtl"),
    ("mtllib other.mtl\nmtllib a.mtl\n", "a.mtl"),
    ('mtllib "my a.mtl"\n', "my a.mtl"),
    ("mtllib my  a.mtl\n", "my  a.mtl"),
    ("mtllib sub/a.mtl\n", "sub/a.mtl"),
    ("mtllib\ta.mtl \n", "a.mtl"),
    ("  mtllib   a.mtl\n", "a.mtl"),
    ("MTLLIB a.mtl\n", "a.mtl"),
    ("mtllib a.mtl b.mtl\n", "a.mtl"),
    ("mtllib a.mtl b.mtl\n", "b.mtl"),
    ("mtllib \\\na.mtl\n", "a.mtl"),
    ("mtllib my\\\n\\\na.mtl\n", "my  a.mtl"),
    ("mtllib ü.mtl\n", "ü.mtl"),
    (b"mtllib \xfc.mtl\n", b"\xfc.mtl"),
]
MAPS = [
    ("map_Kd t.png", "t.png"),
    ("  map_Kd\tmy t.png ", "my t.png"),
    ('map_Kd "my t.png"', "my t.png"),
    ("map_Kd -s 1 2 3 -o 0 0 0 my t.png", "my t.png"),
    ("bump -bm 0.5 t.png", "t.png"),
    ("map_Kd sub/t.png", "sub/t.png"),
    ("map_Kd /nowhere/t.png", "t.png"),
    (r"map_Kd C:\nowhere\t.png", "t.png"),
]


class TestOtherFiles:
    @pytest.mark.parametrize("is_there", [True, False])
    @pytest.mark.parametrize(("start", "name"), MATERIAL_FILES)
    def test_obj_file_depends_on_each_mtl_file_that_may_be_read(self, start, name, is_there, tmp_path):
        path = tmp_path / "foo.obj"
        path.write_bytes((start if isinstance(start, bytes) else start.encode()) + TRIANGLE.encode())
        if is_there:
            other = tmp_path / os.fsdecode(name)
            other.parent.mkdir(exist_ok=True)
            other.write_text("newmtl Red\nKd 1 0 0\n")
        assert depends_on(path, name)

    @pytest.mark.parametrize("is_there", [True, False])
    @pytest.mark.parametrize(("line", "name"), MAPS)
    def test_obj_file_depends_on_each_texture_that_may_be_read(self, line, name, is_there, tmp_path):
        (tmp_path / "foo.obj").write_text(TRIANGLE)
        (tmp_path / "foo.mtl").write_text(f"newmtl Red\nKd 1 0 0\n{line}\nmap_Ks folder/\n")
        if is_there:
            (tmp_path / name).parent.mkdir(exist_ok=True)
            saved_picture(tmp_path / name, (1, 0, 0, 1))
        assert depends_on(tmp_path / "foo.obj", name)

    @pytest.mark.parametrize("is_binary", [False, True])
    @pytest.mark.parametrize("part", ["buffers", "images"])
    def test_gltf_file_depends_on_its_buffers_and_images(self, part, is_binary, tmp_path):
        item = grid(cells=2)
        item.data.materials.append(textured(material("Steel"), picture("Rust", (1, 0, 0, 1))))
        path = export("export_gltf", item, tmp_path)
        content = path.read_bytes()
        if is_binary:
            path = tmp_path / "out.glb"
            text = content + b" " * (-len(content) % 4)
            path.write_bytes(struct.pack("<4sIII4s", b"glTF", 2, 20 + len(text), len(text), b"JSON") + text)
        (other,) = json.loads(content)[part]
        assert depends_on(path, other["uri"])
