# SPDX-License-Identifier: GPL-3.0-or-later
"""The presets that menus and searches list, by catalog, and what they say of each.

Libraries are read in threads. What was read is put in order once, and again after a change: a menu may be drawn at
each redraw, and a library may hold thousands.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, field

import bpy
from bpy.app.translations import pgettext_iface as translated

from ...node_tree.text_form import values
from ...runtime.errors import MisfitError, PresetError, as_sentences
from ...runtime.presets.preset import Kind, Preset
from ...runtime.script.socket_types import SocketType
from ..consent.current import consent
from ..drawing.quantities import duration, memory_size
from ..presets import saving, using
from ..presets.libraries import libraries, presets_of_file
from ..presets.trust import trust_lists

#: Presets of these become a node.
NODE_KINDS = (Kind.NODE, Kind.GROUP)
_ICONS = {Kind.NODE: "NODE", Kind.GROUP: "NODETREE", Kind.TREE: "OUTLINER", Kind.VALUES: "PRESET"}


@dataclass(slots=True)
class Catalog:
    """A catalog of one or more libraries: those of one path are one. `index` is its place among all."""

    path: str
    index: int = -1
    presets: list[Preset] = field(default_factory=list)
    catalogs: dict[str, Catalog] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]


@dataclass(slots=True)
class Shown:
    """What menus show.

    Attributes:
        presets: the newest version of each preset, by uuid.
        root: the presets that are in no catalog, and the catalogs.
        catalogs: all of these, in the order of the menus.
    """

    presets: dict[str, Preset]
    root: Catalog
    catalogs: list[Catalog]


#: What was shown last, and of what it was made.
_known: list[tuple[object, Shown]] = []


def shown() -> Shown:
    """What was found so far. Libraries are looked at again soon."""
    libraries.read_soon()
    # Of a library that was not read again it is the same tuple, which Python does not compare item by item.
    made_of = [library.presets() for library in libraries.all()], list(presets_of_file())
    if not _known or _known[0][0] != made_of:
        _known[:] = [(made_of, _in_order({preset.uuid: preset for preset in libraries.presets()}))]
    return _known[0][1]


def find(uuid: str) -> Preset | None:
    """A preset that was shown, or one that came since; None if there is none."""
    found = _known[0][1].presets.get(uuid) if _known else None
    return shown().presets.get(uuid) if found is None else found


def add_to(tree: bpy.types.NodeTree, preset: Preset | None) -> bpy.types.Node:
    """Add the node of a preset to a tree. Raises PresetError."""
    if preset is None:
        raise PresetError("no library has this preset any more", "Look into the menu of presets again")
    node = using.use(preset, tree).node
    node.name = preset.name  # for reports: they name a node
    if preset.kind is Kind.NODE:
        node.label = preset.name
    return node


def _in_order(presets: dict[str, Preset]) -> Shown:
    root = Catalog("")
    for preset in presets.values():
        if preset.kind is not Kind.VALUES:
            _catalog(root, preset.catalog).presets.append(preset)
    catalogs: list[Catalog] = []
    _sort(root, catalogs)
    return Shown(presets, root, catalogs)


def _catalog(root: Catalog, path: str) -> Catalog:
    found, parts = root, [part for part in path.split("/") if part]
    for number, part in enumerate(parts, 1):
        found = found.catalogs.setdefault(part, Catalog("/".join(parts[:number])))
    return found


def _sort(catalog: Catalog, found: list[Catalog]) -> None:
    catalog.presets.sort(key=lambda preset: (preset.name.casefold(), preset.uuid))
    catalog.catalogs = dict(sorted(catalog.catalogs.items(), key=lambda item: item[0].casefold()))
    for inner in catalog.catalogs.values():
        inner.index = len(found)
        found.append(inner)
        _sort(inner, found)


def being_read() -> list[str]:
    """The names of the libraries that were not read yet."""
    return [library.name for library in libraries.all() if not library.is_listed]


def of_nodes() -> list[Preset]:
    """The presets that become a node, by name, but for those that can't be used here."""
    found = (preset for preset in shown().presets.values() if preset.kind in NODE_KINDS and not fault(preset))
    return sorted(found, key=lambda preset: preset.name.casefold())


def values_for(node: bpy.types.Node) -> list[Preset]:
    """The sets of values for a node, by name."""
    found = [preset for preset in shown().presets.values() if preset.kind is Kind.VALUES]
    target = saving.target_of(node) if found else ""
    fitting = (preset for preset in found if preset.target == target)
    return sorted(fitting, key=lambda preset: preset.name.casefold())


def fault(preset: Preset) -> str:
    """Why a preset can't be used here, and what to do about it; "" if it can."""
    return next((as_sentences(each.message, each.fix) for each in using.needs(preset) if each.is_error), "")


def icon(preset: Preset) -> str:
    return "ERROR" if using.needs(preset) else _ICONS[preset.kind]


@functools.cache
def socket_type(name: str) -> SocketType | None:
    """The type that a row of a preset's sockets names; None if this Blender has no such type."""
    try:
        found = bpy.types.NodeSocket.bl_rna_get_subclass_py(values.idname_of(name))
    except MisfitError:
        return None
    return getattr(found, "socket_type", None)


# What is said of a preset, each a line of a tooltip or of a panel


def tooltip(preset: Preset) -> str:
    """All that is known of a preset. Blender adds the full stop."""
    lacks = "\n".join(as_sentences(each.message, each.fix) for each in using.needs(preset))
    parts = [preset.description.strip().removesuffix("."), "\n".join(facts(preset)), lacks]
    return "\n\n".join(filter(None, parts)).removesuffix(".")


def facts(preset: Preset) -> list[str]:
    """Who made it, where it is, what it costs, whether its scripts may run."""
    return [line for line in (_maker(preset), _place(preset), cost(preset), trust(preset)) if line]


def _maker(preset: Preset) -> str:
    by = translated("By {author}").format(author=preset.author) if preset.author else ""
    return " · ".join(filter(None, (by, preset.licence)))


def _place(preset: Preset) -> str:
    return translated("Version {version} · {library}").format(version=preset.version, library=libraries.name_of(preset))


def cost(preset: Preset) -> str:
    """How long it takes, and how much memory, as runs of it have shown; "" if nobody knows."""
    if not preset.runs or not preset.cost_seconds:
        return ""
    parts = [duration(preset.cost_seconds)]
    if preset.cost_memory:
        parts.append(memory_size(int(preset.cost_memory)))
    amount = f"{preset.cost_amount:,.0f} {preset.cost_unit}" if preset.cost_amount and preset.cost_unit else ""
    about = translated("About {cost}").format(cost=" · ".join(parts))
    return f"{about} ({translated('for {amount}').format(amount=amount)})" if amount else about


def trust(preset: Preset) -> str:
    """Whether its scripts run without being asked for."""
    if not preset.script_digests:
        return ""
    digests = preset.script_digests
    is_allowed = all(digest in consent.trusted or trust_lists.allows(digest) for digest in digests)
    return translated("Its scripts are allowed to run" if is_allowed else "You are asked before its scripts run")
