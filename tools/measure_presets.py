"""Measure what the presets that come along cost, but for the ten jobs, and take their pictures: into examples/presets.

python tools/measure_presets.py examples/presets [NAME ...]

Each one runs on objects of the demo, in background Blenders, without the store of results. `make examples` then writes
the presets with what was found. Their authors run this, on a machine that does nothing else.
"""

import dataclasses
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bpy

sys.path[:0] = [str(Path(__file__).resolve().parents[1] / "examples")]

import demo_materials  # noqa: E402 (the path above leads to it)
import demo_scene  # noqa: E402
from graph_builder import GraphBuilder  # noqa: E402

import background_nodes  # noqa: E402
from background_nodes.addon.presets import pictures  # noqa: E402
from background_nodes.addon.presets.costs import cost_of  # noqa: E402
from background_nodes.addon.presets.subject import subject_of  # noqa: E402
from background_nodes.addon.session.current import session  # noqa: E402
from background_nodes.addon.session.settings import Settings  # noqa: E402
from background_nodes.node_tree.text_form.building import build, build_nodes  # noqa: E402
from background_nodes.runtime.blend_file.asset_data import Picture  # noqa: E402
from background_nodes.runtime.presets import dump_folder  # noqa: E402
from background_nodes.runtime.presets.preset import Kind, Preset  # noqa: E402

#: Seconds that runs take in all before no other one begins, and the most runs.
ENOUGH, RUNS = 60.0, 3
#: How faces are to be seen.
LOOK = (("Clay", 0.6), ("Ink", 0.01))
#: Width and height of a picture, and of each of four in one.
SIZE, QUARTER = 256, 126


class Stage:
    """A file with objects, and a tree with the node of a preset."""

    def __init__(self, preset: Preset, data: dict[str, Any], folder: Path) -> None:
        bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
        self.folder = folder
        self.builder = GraphBuilder("Measured")
        self.is_values = preset.kind is Kind.VALUES
        if self.is_values:
            part = {**data, "part": {"nodes": data["tree"]["nodes"], "links": []}}
            del part["tree"]
            (self.node,) = build_nodes(part, self.builder.tree).nodes.values()
        else:
            self.node = self.builder.add("Preset", 1, "BackgroundNodeGroup")
            self.node.node_tree = build(data).tree

    def objects(self, socket: str, *makers: Callable[[dict], bpy.types.Object]) -> int:
        """Link objects of the demo; how many faces they have."""
        made = demo_scene.make_objects(makers)
        given = self.builder.input("Objects", 0, "Object", made, is_list=True)
        self.builder.tree.links.new(given, self.node.inputs[socket])
        return demo_scene.num_faces(made)

    def give(self, **inputs: object) -> None:
        """Set inputs by their labels, with _ for a space."""
        for label, content in inputs.items():
            self.node.inputs[label.replace("_", " ")].default_value = content

    def path(self, name: str) -> str:
        return str(self.folder / name) + ("/" if not Path(name).suffix else "")

    def run(self) -> background_nodes.Run:
        run = background_nodes.run(self.builder.tree)
        if run.state != "succeeded":
            sys.exit(f"{self.node.name}: {[str(task.error) for task in run.tasks.values() if task.error]}")
        return run

    def fetch(self, output: str) -> list[Any]:
        """What the last run of it gave."""
        found = session.history[-1].fetch(self.node.name, output)
        return list(found) if isinstance(found, tuple) else [found]

    def cost(self) -> dict[str, float]:
        """What runs take; those that take long are fewer."""
        subject = subject_of(self.node, only_values=self.is_values)
        for _ in range(RUNS):
            self.run()
            cost = cost_of(subject)
            if cost.seconds * (cost.runs + 1) > ENOUGH:
                break
        seconds = round(cost.seconds, 1 if cost.seconds > 10.0 else 2)
        return {"cost_seconds": seconds, "cost_memory": round(cost.memory, -6), "runs": cost.runs}


# What each runs on: the number of faces or pixels, and then a picture of what it gave


def lod_chain(stage: Stage) -> tuple[int, str]:
    return stage.objects("Object", demo_scene.make_boulder), "faces"


def show_lod_chain(stage: Stage) -> bpy.types.Image:
    """Each level in a quarter, with its faces to be seen."""
    levels = stage.fetch("LODs")
    clay, ink = (demo_materials.new_material(name, [(grey,) * 3] * 2, roughness=(0.8, 0.9)) for name, grey in LOOK)
    for item in levels:
        item.data.materials.clear()
        item.data.materials.append(clay)
        item.data.materials.append(ink)
        item.data.polygons.foreach_set("material_index", [0] * len(item.data.polygons))
        wires = item.modifiers.new("Wires", "WIREFRAME")
        wires.use_replace, wires.thickness, wires.material_offset = False, 0.012, 1
    return sheet([render([item], QUARTER) for item in levels])


def game_asset_bake_set(stage: Stage) -> tuple[int, str]:
    return stage.objects("High-Poly", demo_scene.make_suzanne), "faces"


def show_game_asset_bake_set(stage: Stage) -> bpy.types.Image:
    """The object without and with its material, and maps of that."""
    (low,) = stage.fetch("Low-Poly")
    plain = low.copy()
    plain.data = low.data.copy()
    plain.data.materials.clear()
    plain.data.polygons.foreach_set("use_smooth", [False] * len(plain.data.polygons))
    maps = [stage.fetch(name)[0] for name in ("Normal Map", "ORM")]
    return sheet([render([plain], QUARTER), render([low], QUARTER), *maps])


def batch_convert_a_folder(stage: Stage) -> tuple[int, str]:
    models = stage.folder / "models"
    models.mkdir()
    made = demo_scene.make_objects(demo_scene.MAKERS[:6])
    faces = demo_scene.num_faces(made)
    for item in made:
        for other in made:
            other.select_set(other == item)
        bpy.ops.wm.obj_export(filepath=str(models / f"{item.name}.obj"), export_selected_objects=True)
    stage.give(Folder=str(models), Save_As=str(stage.folder / "new" / "{name}.glb"))
    return faces, "faces"


def folder_contact_sheet(stage: Stage) -> tuple[int, str]:
    folder = stage.folder / "pictures"
    folder.mkdir()
    for item in demo_scene.make_objects(demo_scene.MAKERS[:9]):
        image = render([item], SIZE)
        image.file_format = "PNG"
        image.save(filepath=str(folder / f"{item.name}.png"))
    stage.give(Folder=str(folder), Save_As=stage.path("sheet.png"), Cell_Width=320, Cell_Height=320)
    return 9 * SIZE * SIZE, "pixels"


def clean_up_imported_cad(stage: Stage) -> tuple[int, str]:
    makers = (demo_scene.make_gear, demo_scene.make_chain, demo_scene.make_column)
    return stage.objects("Objects", *makers), "faces"


def show_clean_up_imported_cad(stage: Stage) -> bpy.types.Image:
    return render(stage.fetch("Cleaned")[:1], SIZE)


def thumbnails_for_a_library(stage: Stage) -> tuple[int, str]:
    library = stage.folder / "library"
    library.mkdir()
    for item in demo_scene.make_objects(demo_scene.MAKERS[:9]):
        bpy.data.libraries.write(str(library / f"{item.name}.blend"), {item}, fake_user=True)
    stage.give(Folder=str(library), Kind="Object", Save_To=stage.path("thumbnails"))
    return 9 * 256 * 256, "pixels"


def uv_and_texture_report(stage: Stage) -> tuple[int, str]:
    faces = stage.objects("Objects", *demo_scene.MAKERS[:6])
    for item in bpy.data.objects:
        item.data.uv_layers.new()
    for material in bpy.data.materials:
        node = material.node_tree.nodes.new("ShaderNodeTexImage")
        node.image = bpy.data.images.new(material.name, 1024, 1024)
    stage.give(UV_Report=stage.path("uv.csv"), Texture_Report=stage.path("textures.csv"))
    return faces, "faces"


def render_still(stage: Stage) -> tuple[int, str]:
    stage.objects("Objects", demo_scene.make_suzanne)
    return stage.node.inputs["Width"].default_value * stage.node.inputs["Height"].default_value, "pixels"


def the(output: str) -> Callable[[Stage], bpy.types.Image]:
    return lambda stage: stage.fetch(output)[0]


CASES = {
    "lod_chain": (lod_chain, show_lod_chain),
    "game_asset_bake_set": (game_asset_bake_set, show_game_asset_bake_set),
    "batch_convert_a_folder": (batch_convert_a_folder, None),
    "folder_contact_sheet": (folder_contact_sheet, the("Sheet")),
    "clean_up_imported_cad": (clean_up_imported_cad, show_clean_up_imported_cad),
    "thumbnails_for_a_library": (thumbnails_for_a_library, the("Sheet")),
    "uv_and_texture_report": (uv_and_texture_report, None),
    "preview": (render_still, the("result")),
    "final": (render_still, the("result")),
}


# Pictures


def render(objects: list[bpy.types.Object], size: int) -> bpy.types.Image:
    builder = GraphBuilder("Render")
    given = builder.input("Objects", 0, "Object", objects, is_list=True)
    inputs = {"width": size, "height": size, "samples": 32, "transparent": True}
    return image_of(builder, builder.library("Render", 1, "render/render_still", objects=given, **inputs))


def sheet(images: list[bpy.types.Image]) -> bpy.types.Image:
    """Four in one."""
    builder = GraphBuilder("Sheet")
    given = builder.input("Images", 0, "Image", images, is_list=True)
    inputs = {"cell_width": QUARTER, "cell_height": QUARTER, "margin": 1, "columns": 2}
    return image_of(builder, builder.library("Sheet", 1, "image/contact_sheet", images=given, **inputs))


def image_of(builder: GraphBuilder, node: bpy.types.Node) -> bpy.types.Image:
    """What a node gives."""
    run = background_nodes.run(builder.tree)
    if run.state != "succeeded":
        sys.exit(f"{node.name}: {[str(task.error) for task in run.tasks.values() if task.error]}")
    return run.fetch(node.name, node.outputs[0].name)


# All of it


def measure(source: Path) -> None:
    """Write what a preset costs into its text, and its picture beside that."""
    prepare, show = CASES[source.name]
    preset, data, _ = dump_folder.read(source)
    with tempfile.TemporaryDirectory() as folder:
        stage = Stage(preset, data, Path(folder))
        amount, unit = prepare(stage)
        session.close()  # workers that have rendered hold memory
        session.open()
        found = {**stage.cost(), "cost_amount": float(amount), "cost_unit": unit}
        picture = drawing(stage) if show is None else pictures.of_image(show(stage))
    dump_folder.write(source, dataclasses.replace(preset, **found), data, picture)
    print(source.name, found)


def drawing(stage: Stage) -> Picture:
    """A drawing of the nodes of a group."""
    return pictures.of_graph(list(stage.node.node_tree.nodes))


def main(sources: Path, names: list[str]) -> None:
    """Measure those that are named, or all."""
    background_nodes.register()
    settings = dataclasses.replace(Settings(), uses_store=False, artist_first="OFF")
    session.use_settings(lambda: settings)
    for name in names or CASES:
        measure(sources / name)
    background_nodes.unregister()


main(Path(sys.argv[1]), sys.argv[2:])
