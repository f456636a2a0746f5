# SPDX-License-Identifier: GPL-3.0-or-later
"""What shipped nodes are called elsewhere: the search of the menus finds a node by these words, too."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

#: By the names of shipped scripts. No word that is in the node's title: that is found anyway.
_WORDS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "animation/bake_action": ("Keyframes",),
        "bake/bake_ambient_occlusion": ("AO",),
        "bake/bake_material": ("Base Color", "Roughness", "Metallic", "Emission", "Alpha"),
        "bake/bake_normal": ("High to Low Poly",),
        "bake/material_from_textures": ("PBR Material",),
        "check/list_textures": ("Images in Use",),
        "check/require": ("Assert",),
        "check/validate": ("Check Objects",),
        "collection/split_collection": ("Objects in Collection", "For Each Object"),
        "data/rename": ("Find and Replace",),
        "image/channel_pack": ("Combine Channels",),
        "image/compare_images": ("Difference",),
        "image/contact_sheet": ("Sprite Sheet", "Grid of Pictures"),
        "image/images_to_video": ("Film", "Movie", "MP4"),
        "image/load_image": ("Import Image", "Open Image"),
        "image/pack_orm": ("Occlusion Roughness Metallic",),
        "image/resize_image": ("Scale Image", "Downscale"),
        "image/save_image": ("Export Image", "Write Image"),
        "image/swap_images": ("Replace Textures",),
        "import_export/append_from_blend": ("Import Blend", "Load from Library"),
        "import_export/convert_model": ("Batch Convert",),
        "import_export/save_blend_file": ("Export Blend", "Write Blend"),
        "mesh/boolean": ("Cut", "Union", "Intersect"),
        "mesh/clean_up": ("Merge by Distance", "Remove Doubles", "Recalculate Normals", "Delete Loose"),
        "mesh/decimate": ("Reduce Polygons", "Simplify"),
        "mesh/join": ("Merge Objects",),
        "mesh/lods": ("Level of Detail",),
        "mesh/measure": ("Face Count", "Dimensions", "Statistics"),
        "mesh/separate": ("Loose Parts", "By Material"),
        "object/match_names": ("High and Low Pairs",),
        "object/move_to_origin": ("Center",),
        "object/set_material": ("Assign Material",),
        "pipeline/run_command": ("Program", "Shell", "Terminal"),
        "pipeline/text_template": ("Format String",),
        "pipeline/wedge": ("Variations", "Parameter Sweep"),
        "pipeline/write_csv": ("Table", "Spreadsheet", "Report"),
        "render/frame_chunks": ("Split Frames",),
        "render/playblast": ("Viewport Render", "Preview Film"),
        "render/render_each": ("Thumbnail", "Icon", "Preview Picture"),
        "render/render_frames": ("Animation",),
        "render/render_still": ("Render Image",),
        "render/turntable": ("Spin", "360"),
        "simulation/bake_rigid_bodies": ("Physics",),
        "simulation/bake_simulation": ("Cloth", "Soft Body", "Physics"),
        "uv/pack_atlas": ("Shared UV Map",),
        "uv/texel_density": ("Pixels per Meter",),
    }
)


def of(name: str) -> tuple[str, ...]:
    """Other words for a shipped node, by its script's name; none for a node of somebody else."""
    return _WORDS.get(name, ())
