"""Objects: what they are, what they hang on, and what modifies, constrains and moves them."""

from __future__ import annotations

import contextlib

import bpy

from . import case
from .curves import add_bezier, add_points, new_curve
from .meshes import grid, linked, mesh_object
from .nodes import new_group
from .variation import vary


def empty(name: str) -> bpy.types.Object:
    return linked(bpy.data.objects.new(name, None))


def point_at(struct: bpy.types.bpy_struct, **targets: bpy.types.ID) -> None:
    """Give every pointer to a data-block one of its kind, as far as it takes that."""
    for prop in type(struct).bl_rna.properties:
        if prop.type == "POINTER" and not prop.is_readonly:
            for target in targets.values():
                with contextlib.suppress(TypeError, RuntimeError):
                    setattr(struct, prop.identifier, target)


@case("Object")
def object_transformed() -> bpy.types.ID:
    item = bpy.data.objects.new("Transformed", grid("Transformed"))
    item.location, item.rotation_euler, item.scale = (1, 2, 3), (0.1, 0.2, 0.3), (2, 2, 0.5)
    item.delta_location, item.delta_scale, item.rotation_mode = (0.5, 0, 0), (1, 1, 2), "ZYX"
    item.lock_location, item.lock_rotation_w = (True, False, True), True
    return item


@case("Object")
def object_settings() -> bpy.types.ID:
    return vary(mesh_object("Object settings"), 2, hide_viewport=False)


@case("Object")
def object_empties() -> bpy.types.ID:
    item = empty("Empties")
    item.empty_display_type, item.empty_display_size = "SPHERE", 2.5
    picture = empty("Picture")
    picture.empty_display_type = "IMAGE"
    picture.data = bpy.data.images.new("On an empty", 4, 4)
    picture.data.pack()
    picture.use_empty_image_alpha, picture.color, picture.empty_image_depth = True, (1, 1, 1, 0.5), "BACK"
    picture.parent = item
    item["child"] = picture
    return item


@case("Object")
def object_parents() -> bpy.types.ID:
    """A child of each way to have a parent, held together by custom properties."""
    root = empty("Family")
    lattice = linked(bpy.data.objects.new("Lattice parent", bpy.data.lattices.new("Lattice parent")))
    mesh = mesh_object("Vertex parent")
    curve = linked(bpy.data.objects.new("Curve parent", new_curve("Curve parent")))
    add_bezier(curve.data)
    for parent, kind in (
        (root, "OBJECT"),
        (lattice, "LATTICE"),
        (mesh, "VERTEX"),
        (mesh, "VERTEX_3"),
        (curve, "OBJECT"),
    ):
        child = empty(f"Child {parent.name} {kind}")
        child.parent, child.parent_type = parent, kind
        if kind.startswith("VERTEX"):
            child.parent_vertices = (3, 2, 1) if kind == "VERTEX_3" else (3, 0, 0)
        child.matrix_parent_inverse[0][3] = 1.5
        root[child.name] = child
    return root


@case("Object")
def object_modifiers() -> bpy.types.ID:
    """Every modifier that a mesh takes, each setting varied, each pointer set."""
    item = mesh_object("Modifiers")
    item.vertex_groups.new(name="varied ä").add([0, 1], 0.5, "REPLACE")
    other, rail = mesh_object("Other"), linked(bpy.data.objects.new("Rail", new_curve("Rail")))
    add_bezier(rail.data)
    targets = {
        "other": other,
        "rail": rail,
        "texture": bpy.data.textures.new("Of modifiers", "CLOUDS"),
        "collection": bpy.data.collections.new("Of modifiers"),
        "material": bpy.data.materials.new("Of modifiers"),
    }
    for choice in bpy.types.Modifier.bl_rna.properties["type"].enum_items:
        if choice.identifier in {
            "FLUID",
            "PARTICLE_SYSTEM",
            "NODES",
            "SOFT_BODY",
            "CLOTH",
            "COLLISION",
            "DYNAMIC_PAINT",
        }:
            continue
        modifier = item.modifiers.new(f"{choice.name} ä", choice.identifier)
        if modifier is not None:  # else for other objects
            modifier.show_viewport = modifier.show_render = False
            vary(modifier)
            point_at(modifier, **targets)
    return item


@case("Object")
def object_curve_modifiers() -> bpy.types.ID:
    item = linked(bpy.data.objects.new("Curve modifiers", new_curve("Curve modifiers")))
    add_bezier(item.data)
    for kind in ("BEVEL", "HOOK", "WAVE", "CAST", "SOLIDIFY"):
        modifier = item.modifiers.new(kind, kind)
        modifier.show_viewport = False
        vary(modifier)
        point_at(modifier, other=linked(bpy.data.objects.new(f"Of {kind}", None)))
    return item


@case("Object")
def object_geometry_nodes() -> bpy.types.ID:
    """A group's inputs as an artist sets them on the modifier: values, data-blocks, attributes."""
    item = mesh_object("Nodes")
    group = new_group("Of a modifier", "GeometryNodeTree")
    modifier = item.modifiers.new("Nodes", "NODES")
    modifier.node_group = group
    modifier.show_viewport = False
    values = {
        "NodeSocketFloat": 0.75,
        "NodeSocketInt": 7,
        "NodeSocketBool": True,
        "NodeSocketString": "ä",
        "NodeSocketVector": (1.0, 2.0, 3.0),
        "NodeSocketObject": mesh_object("Input object"),
        "NodeSocketMaterial": bpy.data.materials.new("Input material"),
        "NodeSocketCollection": bpy.data.collections.new("Input collection"),
    }
    for socket in group.interface.items_tree:
        if getattr(socket, "in_out", "") == "INPUT" and socket.socket_type in values:
            with contextlib.suppress(KeyError, TypeError):
                modifier[socket.identifier] = values[socket.socket_type]
        if getattr(socket, "in_out", "") == "INPUT" and socket.socket_type == "NodeSocketFloat":
            with contextlib.suppress(KeyError, TypeError):
                modifier[f"{socket.identifier}_use_attribute"] = True if bpy.app.version >= (4, 5, 0) else 1
                modifier[f"{socket.identifier}_attribute_name"] = "heat"
    return item


@case("Object")
def object_constraints() -> bpy.types.ID:
    """Every constraint that an object takes."""
    item, target = empty("Constraints"), mesh_object("Target")
    for choice in bpy.types.Constraint.bl_rna.properties["type"].enum_items:
        with contextlib.suppress(RuntimeError, TypeError):
            constraint = item.constraints.new(choice.identifier)
            constraint.mute = True
            vary(constraint, mute=True)
            point_at(constraint, target=target)
            if choice.identifier == "ARMATURE":
                entry = constraint.targets.new()
                entry.target, entry.weight = linked(bpy.data.objects.new("Rig", bpy.data.armatures.new("Of it"))), 0.5
    return item


@case("Object")
def object_custom_properties() -> bpy.types.ID:
    """Custom properties of each kind, with what their fields are made of."""
    item = empty("Custom")
    item["int"], item["float"], item["bool"], item["text"] = 2**31 - 1, 0.1, True, "Wörter 節点"
    item["ints"], item["floats"], item["bools"] = [1, -2, 3], [0.1, 0.2], [True, False]
    item["bytes"], item["empty text"], item["empty list"] = b"\x00\xff raw", "", []
    item["group"] = {"inner": {"deep": {"number": 1, "list": [1.5, 2.5]}}, "text": "ä", "empty": {}}
    item["groups"] = [{"a": 1}, {"b": 2.0, "c": "d"}]
    item["object"], item["material"] = empty("Pointed at"), bpy.data.materials.new("Pointed at")
    item["nested"] = {"image": bpy.data.images.new("Pointed at", 4, 4)}
    item["nested"]["image"].pack()
    item["matrix"], item["colour"] = [0.0] * 16, [1.0, 0.5, 0.25, 1.0]
    item['na"me \\ ä'] = 1
    item.id_properties_ui("int").update(min=-5, max=10, soft_min=0, soft_max=5, step=2, default=3, description="ä")
    item.id_properties_ui("float").update(min=-1.0, max=1.0, precision=5, step=0.5, subtype="ANGLE", default=0.25)
    item.id_properties_ui("colour").update(subtype="COLOR", min=0.0, max=1.0, default=[0.1, 0.2, 0.3, 0.4])
    item.id_properties_ui("text").update(default="none", description="Words")
    item.id_properties_ui("bool").update(default=True, description="Yes or no")
    item.id_properties_ui("object").update(id_type="OBJECT", description="One")
    item.property_overridable_library_set('["int"]', True)
    return item


@case("Object")
def object_instances() -> bpy.types.ID:
    """An empty that shows a collection; in it an object that shows its child on its faces."""
    collection = bpy.data.collections.new("Shown")
    collection.instance_offset = (1, 2, 3)
    owner, child = bpy.data.objects.new("Faces", grid("Faces")), bpy.data.objects.new("Child of faces", grid("Child"))
    child.parent = owner
    owner.instance_type, owner.use_instance_faces_scale, owner.instance_faces_scale = "FACES", True, 0.5
    owner.show_instancer_for_render = False
    for item in (owner, child):
        collection.objects.link(item)
    shown = empty("Shows a collection")
    shown.instance_type, shown.instance_collection = "COLLECTION", collection
    return shown


@case("Object")
def object_light_linking() -> bpy.types.ID:
    item = linked(bpy.data.objects.new("Lamp", bpy.data.lights.new("Lamp", "SUN")))
    receivers, blockers = (bpy.data.collections.new(name) for name in ("Receivers", "Blockers"))
    receivers.objects.link(mesh_object("Receiver"))
    blockers.objects.link(mesh_object("Blocker"))
    receivers.collection_objects[0].light_linking.link_state = "EXCLUDE"
    item.light_linking.receiver_collection, item.light_linking.blocker_collection = receivers, blockers
    return item


# Physics


@case("Object")
def object_physics() -> bpy.types.ID:
    """Cloth, soft body, collision, force field, dynamic paint, each setting varied."""
    item = mesh_object("Physics")
    item.vertex_groups.new(name="Pinned").add([0, 1], 0.5, "REPLACE")
    for kind in ("CLOTH", "SOFT_BODY", "COLLISION", "DYNAMIC_PAINT"):
        modifier = item.modifiers.new(kind, kind)
        modifier.show_viewport = False
        vary(modifier)
    item.modifiers["CLOTH"].settings.vertex_group_mass = "Pinned"
    item.modifiers["CLOTH"].collision_settings.collection = bpy.data.collections.new("Collides")
    item.modifiers["SOFT_BODY"].settings.effector_weights.collection = bpy.data.collections.new("Blows")
    return item


@case("Object")
def object_force_fields() -> bpy.types.ID:
    item = empty("Fields")
    layer = bpy.context.view_layer
    for choice in ("WIND", "VORTEX", "GUIDE", "TEXTURE"):
        source = linked(bpy.data.objects.new(f"Field {choice}", None))
        layer.objects.active = source
        with bpy.context.temp_override(object=source, active_object=source):
            bpy.ops.object.forcefield_toggle()
        source.field.type = choice
        vary(source.field, 0, type=choice)
        item[choice] = source
    return item


@case("Object", until=(4, 5))  # since then none can be sent: see test_sendable.py
def object_cloth_baked() -> bpy.types.ID:
    """A cloth whose cache is baked into memory."""
    item = mesh_object("Baked cloth")
    modifier = item.modifiers.new("Cloth", "CLOTH")
    cache = modifier.point_cache
    cache.frame_start, cache.frame_end, cache.use_disk_cache, cache.name = 1, 5, False, "Cache ä"
    with bpy.context.temp_override(scene=bpy.context.scene, active_object=item, point_cache=cache):
        bpy.ops.ptcache.bake(bake=True)
    assert cache.is_baked
    return item


@case("Object")
def object_rigid_body() -> bpy.types.ID:
    item = mesh_object("Rigid body")
    bpy.context.view_layer.objects.active = item
    with bpy.context.temp_override(object=item, active_object=item, selected_objects=[item]):
        bpy.ops.rigidbody.object_add(type="ACTIVE")
    vary(item.rigid_body, 0, type="ACTIVE", mass=3.5, collision_shape="BOX")
    return item


@case("ParticleSettings")
def particle_settings() -> bpy.types.ID:
    item = mesh_object("Emitter of settings")
    item.modifiers.new("Particles", "PARTICLE_SYSTEM").show_viewport = False
    settings = item.particle_systems[0].settings
    settings.name = "Particles"
    vary(settings, type="EMITTER", count=10)
    settings.instance_object = mesh_object("Instance")
    settings.instance_collection = bpy.data.collections.new("Instances")
    slot = settings.texture_slots.add()
    slot.texture, slot.use_map_density, slot.density_factor = bpy.data.textures.new("Of particles", "CLOUDS"), True, 0.5
    return settings


@case("Object")
def object_particles() -> bpy.types.ID:
    """An emitter, with a cache baked into memory where that can be sent, and hair."""
    item = mesh_object("Emitter")
    for name, kind in (("Dust", "EMITTER"), ("Hair", "HAIR")):
        item.modifiers.new(name, "PARTICLE_SYSTEM")
        settings = item.particle_systems[-1].settings
        settings.name, settings.type, settings.count = name, kind, 12
        if kind == "EMITTER":
            settings.frame_start, settings.frame_end, settings.lifetime = 1, 3, 10
    system = item.particle_systems[0]
    system.seed, system.vertex_group_density = 7, "Density"
    item.vertex_groups.new(name="Density").add(list(range(25)), 1.0, "REPLACE")
    system.point_cache.frame_end = 5
    bpy.context.view_layer.update()
    if bpy.app.version < (4, 5, 0):
        with bpy.context.temp_override(scene=bpy.context.scene, active_object=item, point_cache=system.point_cache):
            bpy.ops.ptcache.bake(bake=True)
        assert system.point_cache.is_baked
    return item


@case("Object")
def object_hooks_and_paths() -> bpy.types.ID:
    """Pointers in a circle: a parent that is bent by its child."""
    item, hook = mesh_object("Hooked"), empty("Hook")
    modifier = item.modifiers.new("Hook", "HOOK")
    modifier.object, modifier.strength, modifier.falloff_type = hook, 0.5, "SHARP"
    modifier.vertex_indices_set([0, 1, 5])
    modifier.matrix_inverse[0][3] = 2
    hook.parent = item
    rail = linked(bpy.data.objects.new("Rails", new_curve("Rails")))
    add_points(rail.data, "NURBS")
    constraint = hook.constraints.new("FOLLOW_PATH")
    constraint.target, constraint.use_fixed_location, constraint.offset_factor = rail, True, 0.5
    return item
