# SPDX-License-Identifier: GPL-3.0-or-later
"""The fields of a .blend file that say nothing of what its data-blocks are, by struct, and why.

They hold what Blender knows of a session or of a file, and change when a file is saved and opened. Names are those of
the file, which are older than those in Blender's source now and then. All else counts.

A pointer to what is no block of the file is another thing that says nothing: no rule is needed for it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

_LIST = "its place in the list of all data-blocks of the file"
_SESSION = "of the session that wrote the file"
_EVALUATED = "what the last evaluation found"
_DRAWN = "how it was drawn last"
_OF_FILE = "what was found in the file that it names, which counts itself"
_COMPUTED = "follows from other fields"
_COUNTER = "how often it changed"
_CURSOR = "where the cursor is"
_LEGACY = "not used any more"


def _fields(reason: str, *names: str) -> dict[str, str]:
    return dict.fromkeys(names, reason)


RUN_TIME_FIELDS: Mapping[str, Mapping[str, str]] = {
    "Base": _fields(_EVALUATED, "flag_from_collection") | _fields(_LEGACY, "flag_legacy"),
    "ChannelDriver": _fields(_EVALUATED, "curval"),
    "ClothModifierData": _fields(_EVALUATED, "hair_grid_min", "hair_grid_max", "hair_grid_res", "hair_grid_cellsize"),
    "CurveMap": _fields(
        _COMPUTED, "range", "mintable", "maxtable", "ext_in", "ext_out", "premul_ext_in", "premul_ext_out"
    ),
    "CurveMapping": _fields(_COUNTER, "changed_timestamp"),
    "CurveProfile": _fields(_COUNTER, "changed_timestamp"),
    "CustomDataLayer": _fields(_SESSION, "offset"),
    "CurvesGeometry": _fields(_LEGACY, "vertex_group_active_index"),
    "DriverVar": _fields(_EVALUATED, "curval"),
    "FCurve": _fields(_EVALUATED, "curval") | _fields(_DRAWN, "prev_norm_factor", "prev_offset"),
    "ID": {
        **_fields(_LIST, "next", "prev"),
        **_fields(
            _SESSION,
            "icon_id",
            "newid",
            "orig_id",
            "py_instance",
            "recalc",
            "recalc_after_undo_push",
            "recalc_up_to_undo_push",
            "session_uid",
            "tag",
        ),
        "deep_hash": "of the file it was packed from",
        "lib": "what is linked counts by content",
        "library_weak_reference": "the file it was appended from",
        "us": "how many data-blocks of the file use it",
    },
    "IDProperty": _fields(_COMPUTED, "totallen"),
    "Image": _fields(_DRAWN, "gpu_layer", "gpu_pass", "gpu_view", "gpuflag", "gpuframenr", "lastframe", "lastused"),
    "LayerCollection": _fields(_EVALUATED, "runtime_flag"),
    "Material": _fields(_COMPUTED, "tot_slots"),
    "Mesh": _fields("a random number, for the colours in which face sets are drawn", "face_sets_color_seed"),
    "ModifierData": _fields(_EVALUATED, "error", "execution_time"),
    "MovieClip": _fields(_OF_FILE, "lastsize"),
    "Object": _fields(_EVALUATED, "base_flag", "base_local_view_bits", "constinv"),
    "PackedFile": _fields(_SESSION, "seek"),
    "ParticleSystem": _fields(
        _EVALUATED,
        "bvhtree_frame",
        "cfra",
        "dt_frac",
        "recalc",
        "totcached",
        "totchildcache",
        "totunexist",
        "tree_frame",
    ),
    "ParticleSystemModifierData": _fields(_EVALUATED, "flag", "totdmedge", "totdmface", "totdmvert"),
    "PointCache": _fields(_EVALUATED, "info"),
    "RigidBodyWorld": _fields(_EVALUATED, "ltime"),
    "PreviewImage": _fields(_COUNTER, "changed_timestamp"),
    "Scene": _fields(_SESSION, "customdata_mask", "customdata_mask_modal"),
    "SoftBody": _fields(_EVALUATED, "last_frame"),
    "Text": _fields(_CURSOR, "curc", "curl", "selc", "sell") | _fields(_OF_FILE, "mtime"),
    "World": _fields(_COUNTER, "last_update"),
    "bConstraint": _fields(_EVALUATED, "lin_error", "rot_error"),
    "bGPDlayer": _fields(_EVALUATED, "actframe"),
    "bNodeSocket": _fields(_EVALUATED, "ns", "stack_index"),
    "bNode": _fields("in which order nodes are drawn", "ui_order") | _fields(_COMPUTED, "type"),
    "bNodeTree": _fields("where an editor looks at it", "view_center", "view_width"),
    "bPoseChannel": _fields(
        _EVALUATED, "chan_mat", "constinv", "disp_mat", "disp_tail_mat", "pose_head", "pose_mat", "pose_tail"
    ),
    "bSound": _fields(_OF_FILE, "audio_channels", "samplerate", "tags"),
}
#: Fields of any struct.
_ALWAYS = re.compile(r"_pad\w*|runtime")


def is_run_time(struct: str, field: str) -> bool:
    """Whether a field says nothing of the data-block that it is in."""
    return field in RUN_TIME_FIELDS.get(struct, ()) or _ALWAYS.fullmatch(field) is not None
