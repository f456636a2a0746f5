"""The operators, menus and searches of presets."""

from __future__ import annotations

import json
import re
import time
import uuid
from pathlib import Path
from urllib.parse import quote

import bpy
import pytest

from background_nodes.addon.adding import node_choices, node_search, preset_choices, preset_menus
from background_nodes.addon.adding.preset_use import PresetOperator
from background_nodes.addon.preset_library import asset_shelf
from background_nodes.addon.presets import saving
from background_nodes.addon.presets.libraries import libraries
from background_nodes.runtime.blend_file.asset_data import Picture
from background_nodes.runtime.presets import library as library_module
from background_nodes.runtime.presets import mirror
from background_nodes.runtime.presets.library import picture_of
from background_nodes.runtime.presets.preset import PREFIX, Kind, Preset
from background_nodes.runtime.script.socket_types import SocketType

from .graphs import add, editor, new_tree, output, script, value
from .test_preset_pictures import HALVES, assert_is_halves
from .test_presets import folder as folder
from .test_presets import group_in, new_file

DOUBLE = "def main(number: float = 1.0, times: int = 2) -> float:\n    return number * times"


@pytest.fixture
def tree(folder):
    tree = new_tree()
    with editor(tree):
        yield tree


def save(folder: str, **options: object) -> Preset:
    """Save what is active or selected by the operator."""
    assert bpy.ops.background_nodes.preset_save(place=quote(folder, safe="") or "FILE", **options) == {"FINISHED"}
    assert libraries.wait(20.0)
    for library in libraries.all():
        library.read()
    return next(preset for preset in libraries.presets() if preset.name == options["name"])


def activate(node: bpy.types.Node) -> bpy.types.Node:
    for other in node.id_data.nodes:
        other.select = other == node
    node.id_data.nodes.active = node
    return node


def use(preset: Preset) -> set[str]:
    return bpy.ops.background_nodes.preset_use(uuid=preset.uuid)


class Entries:
    """A layout that notes what is drawn: what can't be used is between brackets."""

    def __init__(self, found: list[str] | None = None) -> None:
        self.found = [] if found is None else found
        self.enabled = True

    def row(self) -> Entries:
        return Entries(self.found)

    def menu(self, idname: str, text: str = "", translate: bool = True) -> None:
        self.found.append(f"{text or getattr(bpy.types, idname).bl_label} >")

    def operator(self, idname: str, text: str = "", icon: str = "NONE", translate: bool = True):
        self.found.append(text if self.enabled else f"({text})")
        return self

    def label(self, text: str = "", icon: str = "NONE", translate: bool = True) -> None:
        self.found.append(f"= {text}")

    def separator(self) -> None:
        self.found.append("---")


def drawn(path: str | None = None, kinds: tuple[Kind, ...] = tuple(Kind)) -> list[str]:
    """The entries of a catalog's menu; of the outer one for None."""
    menus = preset_menus.PresetMenus("test", _draw_entry, kinds)
    layout = Entries()
    if path is None:
        menus._draw_all(layout)
    else:
        index = next(index for index, each in enumerate(preset_choices.shown().catalogs) if each.path == path)
        menus._draw_of_index(index, layout)
    return layout.found


def _draw_entry(layout: Entries, preset: Preset) -> None:
    row = layout.row()
    row.enabled = not preset_choices.fault(preset)
    row.operator("", text=preset.name)


# Saving


def test_node_is_saved_with_what_was_typed_and_used_in_another_file(tree, folder):
    activate(script(tree, "Double", DOUBLE, times=5))
    typed = {"description": "Twice", "author": "Ann", "licence": "MIT", "catalog": "A/B", "tags": "math, fast"}
    preset = save(folder, kind="NODE", name="Five Times", **typed)
    assert (preset.description, preset.author, preset.licence, preset.catalog) == ("Twice", "Ann", "MIT", "A/B")
    assert (preset.tags, preset.version, preset.kind) == (("math", "fast"), 1, Kind.NODE)
    new_file()
    other = new_tree()
    with editor(other):
        assert bpy.ops.background_nodes.node_add(choice=f"preset:{preset.uuid}") == {"FINISHED"}
    (node,) = other.nodes
    assert (node.name, node.label, node.inputs["Times"].default_value) == ("Five Times", "Five Times", 5)
    assert node.select
    assert other.nodes.active == node


def test_saving_again_is_a_new_version_that_keeps_what_was_not_typed_and_another_preset_if_wished(tree, folder):
    node = activate(group_in(tree))
    first = save(folder, kind="GROUP", name="Doubled", description="Twice", catalog="A", tags="math")
    node.node_tree.nodes["Double"].inputs["Times"].default_value = 7
    assert bpy.ops.background_nodes.preset_use(uuid=first.uuid) == {"FINISHED"}
    activate(tree.nodes.active)
    second = save(folder, kind="GROUP", name="Doubled", change="Faster")
    assert (second.uuid, second.version, second.change) == (first.uuid, 2, "Faster")
    assert (second.description, second.catalog, second.tags) == ("Twice", "A", ("math",))
    other = save(folder, kind="GROUP", name="Other", is_new=True)
    assert (other.version, other.uuid == first.uuid) == (1, False)


def test_picture_is_the_result_or_the_graph_or_a_file(tree, folder, session, tmp_path):
    node = activate(script(tree, "Make", HALVES))
    graph = picture_of(save(folder, kind="NODE", name="Before"))
    assert isinstance(graph, Picture)
    output(tree, "LINK", node)
    session.start(tree).wait()
    assert_is_halves(picture_of(save(folder, kind="NODE", name="After")))
    assert picture_of(save(folder, kind="NODE", name="Drawn", picture="GRAPH")) == graph
    image = bpy.data.images["Halves"]
    image.filepath_raw, image.file_format = str(tmp_path / "halves.png"), "PNG"
    image.save()
    from_file = save(folder, kind="TREE", name="File", picture="FILE", picture_path=str(tmp_path / "halves.png"))
    assert_is_halves(picture_of(from_file))


def test_what_can_not_be_saved_is_said_with_its_mend_and_nothing_is_written(tree, folder, tmp_path):
    with pytest.raises(RuntimeError, match=r"no node is selected.*[Ss]elect the one to save"):
        save(folder, kind="NODE", name="Nothing")
    activate(add(tree, "BackgroundNodeScript", "Empty"))
    with pytest.raises(RuntimeError, match=r"Empty.*has no script.*[Cc]hoose one"):
        save(folder, kind="NODE", name="Empty")
    with pytest.raises(RuntimeError, match=r"is no group"):
        save(folder, kind="GROUP", name="Empty")
    activate(script(tree, "Double", DOUBLE))
    with pytest.raises(RuntimeError, match=r"gone\.png"):
        save(folder, kind="NODE", name="Double", picture="FILE", picture_path=str(tmp_path / "gone.png"))
    assert not list(tmp_path.rglob("*.blend"))


def test_preset_of_this_file_is_used_like_any_other(tree):
    activate(group_in(tree))
    preset = save("", kind="GROUP", name="Doubled")
    assert use(preset) == {"FINISHED"}
    assert len(tree.nodes) == 2
    assert [tree.name for tree in bpy.data.node_groups] == ["Doubled", "Tree"]


# Using


def test_tree_is_shown_by_the_editor_and_needs_none_before(tree, folder):
    script(tree, "Double", DOUBLE)
    preset = save(folder, kind="TREE", name="Pipeline")
    new_file()
    with editor(None):
        assert use(preset) == {"FINISHED"}
        shown = bpy.context.space_data.node_tree
    assert (shown.name, [node.name for node in shown.nodes]) == ("Pipeline", ["Double"])


def test_node_needs_a_tree_and_says_so(tree, folder):
    activate(script(tree, "Double", DOUBLE))
    preset = save(folder, kind="NODE", name="Double")
    new_file()
    with editor(None), pytest.raises(RuntimeError, match=r'"Double".*no node tree.*Press New'):
        use(preset)


def test_values_go_onto_the_active_node_of_their_script(tree, folder):
    node = activate(add(tree, "BackgroundNodeScript"))
    node.library_script = "mesh/decimate"
    node.inputs["Ratio"].default_value = 0.25
    preset = save(folder, kind="VALUES", name="Coarse")
    node.inputs["Ratio"].default_value = 0.75
    assert [each.name for each in preset_choices.values_for(node)] == ["Coarse"]
    assert use(preset) == {"FINISHED"}
    assert node.inputs["Ratio"].default_value == 0.25
    other = activate(add(tree, "BackgroundNodeScript"))
    other.library_script = "mesh/measure"
    assert preset_choices.values_for(other) == []
    node.select = other.select = False
    with pytest.raises(RuntimeError, match=r'"Coarse".*no node is active.*Select the node'):
        use(preset)


def test_preset_that_is_gone_is_said_to_be(tree, folder):
    with pytest.raises(RuntimeError, match=r"No library has this preset any more"):
        bpy.ops.background_nodes.preset_use(uuid="0" * 32)
    with pytest.raises(RuntimeError, match=r"no library has this preset any more"):
        bpy.ops.background_nodes.node_add(choice="preset:" + "0" * 32)
    assert not tree.nodes


def test_broken_file_is_named_when_it_is_used(tree, folder):
    activate(script(tree, "Double", DOUBLE))
    preset = save(folder, kind="NODE", name="Double")
    Path(preset.file).write_bytes(Path(preset.file).read_bytes()[:500])
    with pytest.raises(RuntimeError, match=r"\"Double\" can't be used|Double can't be added"):
        use(preset)
    assert len(tree.nodes) == 1


def test_swap_puts_a_preset_in_the_place_of_a_node_with_its_links(tree, folder):
    preset = save_double(tree, folder)
    source = value(tree, "FLOAT", 3.0)
    old = script(tree, "Half", DOUBLE, number=source)
    activate(old)
    assert bpy.ops.background_nodes.node_swap(choice=f"preset:{preset.uuid}") == {"FINISHED"}
    node = tree.nodes.active
    assert (node.name, node.inputs["Times"].default_value) == ("Double", 2)
    assert [link.from_node for link in node.inputs["Number"].links] == [source]


def save_double(tree: bpy.types.NodeTree, folder: str, **options: object) -> Preset:
    activate(script(tree, "Double", DOUBLE))
    preset = save(folder, **{"kind": "NODE", "name": "Double", **options})
    tree.nodes.clear()
    return preset


# Finding


def test_menu_has_catalogs_of_all_libraries_above_what_is_in_none(tree, folder):
    save_double(tree, folder, name="Loose")
    save_double(tree, folder, name="Deep", catalog="Rocks/LODs")
    save_double(tree, folder, name="High", catalog="Rocks")
    save_double(tree, folder, kind="TREE", name="All", catalog="Trees")
    save_double(tree, folder, kind="VALUES", name="Low", catalog="Values")
    kinds = (Kind.NODE, Kind.GROUP, Kind.TREE)
    assert drawn(None, kinds) == ["Rocks >", "Trees >", "---", "Loose"]
    assert drawn("Rocks", kinds) == ["LODs >", "---", "High"]
    assert drawn("Rocks/LODs", kinds) == ["Deep"]
    assert drawn(None, preset_choices.NODE_KINDS) == ["Rocks >", "---", "Loose"]


def test_menu_says_that_a_library_is_being_read_and_waits_for_none(tree, folder, monkeypatch):
    save_double(tree, folder)
    content_of = library_module.content_of

    def slow(file):
        time.sleep(1.0)
        return content_of(file)

    monkeypatch.setattr(library_module, "content_of", slow)
    Path(folder, mirror.FILE_NAME).unlink()
    libraries._libraries.clear()
    start = time.perf_counter()
    first = drawn()
    assert time.perf_counter() - start < 0.5
    assert "= Reading Studio …" in first
    assert libraries.wait(20.0)
    assert drawn() == ["Double"]


def test_menu_of_no_presets_says_so(tree, monkeypatch):
    monkeypatch.setattr(type(libraries), "presets", lambda _self: ())
    assert libraries.wait(20.0)
    preset_choices._known.clear()
    assert drawn() == ["= No library has presets yet"]


def test_preset_for_a_newer_blender_is_grey_and_says_why_before_anything_is_opened(tree, folder):
    preset = save_double(tree, folder)
    said = Path(folder, mirror.FILE_NAME)
    said.write_text(re.sub(r'"needs_blender": ?"[0-9.]+"', '"needs_blender": "9.9"', said.read_text()))
    Path(preset.file).write_bytes(Path(preset.file).read_bytes())
    libraries._libraries.clear()
    assert libraries.wait(20.0)
    assert drawn() == ["(Double)"]
    assert '"Double" needs Blender 9.9 or later' in preset_choices.tooltip(preset_choices.find(preset.uuid))
    assert not [each for each in node_choices.all_choices(tree) if each.kind == "preset"]


def test_search_offers_the_sockets_that_fit_and_links_the_one_that_is_picked(tree, folder):
    preset = save_double(tree, folder)
    offers = [
        (offer.title, offer.socket.identifier)
        for offer in node_search.offers(SocketType("FLOAT"), from_output=True)
        if offer.choice.name == preset.uuid
    ]
    assert ("Double ▸ Number", "number") in [(title, identifier) for title, identifier in offers]
    assert not [
        offer
        for offer in node_search.offers(SocketType("Object"), from_output=True)
        if offer.choice.name == preset.uuid
    ]
    source = activate(value(tree, "FLOAT", 3.0))
    bpy.ops.background_nodes.node_search(node_name=source.name, offer=f"preset:{preset.uuid}:number")
    node = tree.nodes.active
    assert [link.from_node for link in node.inputs["Number"].links] == [source]


def test_tooltip_tells_who_made_it_where_it_is_and_whether_its_script_is_asked_for(tree, folder):
    preset = save_double(tree, folder, description="Twice", author="Ann", licence="MIT")
    assert preset_choices.tooltip(preset).splitlines() == [
        "Twice",
        "",
        "By Ann · MIT",
        "Version 1 · Studio",
        "You are asked before its scripts run",
    ]


def test_choice_of_each_preset_has_the_sockets_that_its_node_has(tree, folder):
    group_in(tree)
    activate(tree.nodes["Doubled"])
    presets = [save(folder, kind="GROUP", name="Group"), save_double(tree, folder)]
    for preset in presets:
        choice = node_choices.find(f"preset:{preset.uuid}")
        node = choice.add_to(tree)
        for are_outputs, sockets in ((False, node.inputs), (True, node.outputs)):
            wanted = [(each.identifier, each.socket_type) for each in sockets if hasattr(each, "socket_type")]
            assert [(each.identifier, each.type) for each in choice.sockets(are_outputs=are_outputs)] == wanted
            assert wanted


def test_place_in_the_shelf_leads_to_the_preset(tree, folder):
    preset = save_double(tree, folder)
    file = preset.file.rpartition("/")[2]
    assert asset_shelf._preset_at("Studio", f"{file}/NodeTree/Double") == preset
    assert asset_shelf._preset_at("Studio", f"{file}\\NodeTree\\Double") == preset
    assert asset_shelf._preset_at("Studio", "other.blend/NodeTree/Double") is None
    assert asset_shelf._preset_at("Other", f"{file}/NodeTree/Double") is None
    activate(group_in(tree))
    here = save("", kind="GROUP", name="Doubled")
    assert asset_shelf._preset_at("", "NodeTree/Doubled").uuid == here.uuid


# The Asset Browser


class Asset:
    """An asset that says something of itself. Blender lists none in background."""

    def __init__(self, **said: object) -> None:
        self.metadata = {f"{PREFIX}{name}": each for name, each in said.items()}


class AssetBrowserContext:
    """Blender's context where an asset is chosen."""

    def __init__(self, asset: Asset | None) -> None:
        self.asset = asset

    def __getattr__(self, name: str) -> object:
        return getattr(bpy.context, name)


class AssetOperator(PresetOperator):
    """The operator of the Asset Browser's menu, which raises what it reports as an error."""

    use_transform = False
    execute = asset_shelf.BACKGROUND_NODES_OT_preset_asset_add.execute

    def report(self, kind: set[str], text: str) -> None:
        if kind == {"ERROR"}:
            raise RuntimeError(text)


def add_asset(asset: Asset | None) -> set[str]:
    context = AssetBrowserContext(asset)
    if not asset_shelf.BACKGROUND_NODES_OT_preset_asset_add.poll(context):
        return set()
    return AssetOperator().execute(context)


def test_asset_browser_adds_a_preset_in_its_version_and_opens_a_tree(tree, folder):
    first = save_double(tree, folder)
    activate(preset_choices.add_to(tree, first)).inputs["Times"].default_value = 9
    save(folder, kind="NODE", name="Double")
    whole = save_double(tree, folder, kind="TREE", name="Pipeline")
    for version, times in ((1, 2), (2, 9)):
        assert add_asset(Asset(uuid=first.uuid, version=version)) == {"FINISHED"}
        assert tree.nodes.active.inputs["Times"].default_value == times
    assert add_asset(Asset(uuid=whole.uuid, version=1)) == {"FINISHED"}
    assert bpy.context.space_data.node_tree.name == "Pipeline"


def test_asset_browser_adds_nothing_that_is_no_preset_or_is_gone(tree, folder):
    preset = save_double(tree, folder)
    for asset in (Asset(uuid=preset.uuid, version=7), Asset(uuid="../../evil", version=1), Asset(uuid=7)):
        with pytest.raises(RuntimeError, match="No library has this preset any more"):
            add_asset(asset)
    assert [add_asset(asset) for asset in (None, Asset())] == [set(), set()]
    bpy.context.area.type = "VIEW_3D"
    assert add_asset(Asset(uuid=preset.uuid, version=1)) == set()
    assert not tree.nodes


def test_asset_that_says_no_version_stands_for_the_newest_one(tree, folder):
    preset = save_double(tree, folder)
    for said in ({}, {"version": "1"}, {"version": 0.5}):
        assert add_asset(Asset(uuid=preset.uuid, **said)) == {"FINISHED"}
    assert len(tree.nodes) == 3


@pytest.mark.skipif(not asset_shelf.IS_POSSIBLE, reason="Node editors have a shelf since 5.0")
def test_shelf_lists_the_newest_version_of_presets_whatever_an_asset_says(tree, folder):
    preset = save_double(tree, folder)
    activate(preset_choices.add_to(tree, preset))
    save(folder, kind="NODE", name="Double")
    assert preset_choices.shown().presets[preset.uuid].version == 2
    is_listed = asset_shelf.BACKGROUND_NODES_AST_presets.asset_poll
    listed = [each for each in (1, 2, 3, "2", 0.5) if is_listed(Asset(uuid=preset.uuid, version=each))]
    assert listed == [2, 3]
    assert not is_listed(Asset())


def test_preset_that_needs_an_add_on_says_so_before_it_is_used_and_can_be_added(tree, folder):
    node = activate(script(tree, "Double", DOUBLE))
    node.addons = "no_such_add_on"
    preset = save(folder, kind="NODE", name="Double")
    assert (preset_choices.icon(preset), drawn()) == ("ERROR", ["Double"])
    said = '"Double" needs the add-on no_such_add_on, which is not enabled. Install and enable it before running'
    assert preset_choices.tooltip(preset).splitlines()[-1] == said
    assert node_choices.find(f"preset:{preset.uuid}").description.splitlines()[-1] == said
    assert bpy.ops.background_nodes.node_add(choice=f"preset:{preset.uuid}") == {"FINISHED"}


def test_target_of_a_node_whose_script_is_gone_is_none(tree):
    node = add(tree, "BackgroundNodeScript")
    node.filepath = "/no/such/script.py"
    assert saving.target_of(node) == ""


@pytest.mark.any_blender
def test_menu_of_two_thousand_presets_opens_at_once(tree, folder):
    """Measured in time of the thread that draws, since others use the processor, too."""
    file = Path(save_double(tree, folder, name="First").file)
    said = json.loads(Path(folder, mirror.FILE_NAME).read_text())
    (entry,) = said["files"].values()
    for number in range(2000):
        other = file.with_name(f"preset-{number}.blend")
        other.write_bytes(file.read_bytes())
        described = {**entry["presets"][0], "uuid": uuid.uuid4().hex, "name": f"Preset {number}"}
        described |= {"catalog": f"Kind {number % 12}/Part {number % 5}", "catalog_id": ""}
        said["files"][other.name] = {**entry, "presets": [described]}
    Path(folder, mirror.FILE_NAME).write_text(json.dumps(said))
    libraries._libraries.clear()
    assert libraries.wait(60.0)
    preset_choices._known.clear()
    start = time.thread_time()
    assert drawn() == [*(f"Kind {number} >" for number in sorted(range(12), key=str)), "---", "First"]
    assert time.thread_time() - start < 0.05
    assert len(drawn("Kind 1/Part 2")) == len([number for number in range(2000) if number % 60 == 37])
