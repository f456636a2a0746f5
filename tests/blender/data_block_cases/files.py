"""What else is backed by files: movie clips, sounds, fonts, volumes, caches, texts."""

from __future__ import annotations

import base64
import math
import wave
import zlib
from pathlib import Path

import bpy

from . import case, new_folder
from .images import movie, picture
from .meshes import grid

# Movie clips


@case("MovieClip")
def clip_movie() -> bpy.types.ID:
    clip = bpy.data.movieclips.load(str(movie(new_folder())))
    clip.frame_start = 7
    clip.frame_offset = 2
    clip.colorspace_settings.name = "Non-Color"
    clip.use_proxy = True
    clip.use_proxy_custom_directory = True
    clip.proxy.directory = str(new_folder())
    clip.proxy.build_50 = True
    clip.tracking.camera.focal_length = 41.5
    clip.tracking.camera.k1 = 0.25
    clip["custom"] = {"number": 3}
    return clip


@case("MovieClip")
def clip_tracked() -> bpy.types.ID:
    folder = new_folder()
    for number in range(1, 4):
        picture(folder, f"shot_{number:04d}.png", (number / 4, 0.0, 0.0, 1.0))
    clip = bpy.data.movieclips.load(str(folder / "shot_0001.png"))
    for name in ("First", "Second"):
        track = clip.tracking.objects[0].tracks.new(name=name, frame=1)
        for frame in range(1, 4):
            track.markers.insert_frame(frame, co=(0.1 * frame, 0.3))
        track.weight = 0.5
        track.pattern_match = "PREV_FRAME"
    plane = clip.tracking.objects.new("Box")
    plane.scale = 2.0
    clip.use_fake_user = True
    return clip


@case("MovieClip")
def clip_missing() -> bpy.types.ID:
    path = movie(new_folder())
    clip = bpy.data.movieclips.load(str(path))
    clip.name = "Missing"
    path.unlink()
    return clip


# Sounds


def _wave(name: str) -> Path:
    """A tenth of a second of A."""
    path = new_folder() / f"{name} 'ü'.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        tone = (int(20_000 * math.sin(2 * math.pi * 440 * number / 8000)) for number in range(800))
        file.writeframes(b"".join(sample.to_bytes(2, "little", signed=True) for sample in tone))
    return path


@case("Sound")
def sound_file() -> bpy.types.ID:
    sound = bpy.data.sounds.load(str(_wave("tone")))
    sound.use_mono = True
    sound["custom"] = "value"
    return sound


@case("Sound")
def sound_packed() -> bpy.types.ID:
    sound = bpy.data.sounds.load(str(_wave("packed tone")))
    sound.pack()
    return sound


@case("Sound")
def sound_missing() -> bpy.types.ID:
    path = _wave("missing tone")
    sound = bpy.data.sounds.load(str(path))
    path.unlink()
    return sound


# Fonts


def _font(name: str) -> bpy.types.VectorFont:
    """One of Blender's own fonts, from a copy of its file."""
    fonts = Path(bpy.utils.system_resource("DATAFILES", path="fonts"))
    source = min(fonts.glob("*.woff2"), key=lambda path: path.stat().st_size)
    path = new_folder() / f"Font ü{source.suffix}"
    path.write_bytes(source.read_bytes())
    font = bpy.data.fonts.load(str(path))
    font.name = name
    return font


@case("VectorFont")
def font_builtin() -> bpy.types.ID:
    return bpy.data.curves.new("Text", "FONT").font


@case("VectorFont")
def font_file() -> bpy.types.ID:
    return _font("From File")


@case("VectorFont")
def font_packed() -> bpy.types.ID:
    font = _font("Packed")
    font.pack()
    return font


@case("Curve")
def curve_of_letters() -> bpy.types.ID:
    letters = bpy.data.curves.new("Letters", "FONT")
    letters.body = "Größe 節点"
    letters.font_bold = _font("Bold")
    letters.body_format[0].use_bold = True
    return letters


# Volumes

#: An OpenVDB file with a cube of density, 4 voxels a side. Blender's Python has no module that writes one.
_CUBE = (
    "c-rmSK}#D!6bJBKtF@HYrl8PU_U54tq-2wrQ#3?xg+jI0VX}FVf!P_^*(}MeAE95RpTMu;Meqv<9(@xxnxtwAJr({xczKh@o9xRj>}jH2|9ikL"
    "INk)MPCbqrtxmtzY9F?1y|`KD6@MJ<wfl#iy<W3^aOC?!j!ljs8K?4Tg_p+}kr-(!bI}yBXavuA$?=L~gCo(>IbU#jrp)PUUXAQ&R9HPu>8<~!"
    "G>O5$PDCmven&w`L-~<kEW}EuGE1F{D)Y|7re_&Br>uFn{tmAO+PWnA7|A481x1C_V{-53+lHj&l!k);>d;?R%qzaIQ{J3=%`$Jzx2Kef!89l5"
    "2UI3+#r{tG{I$M3Twy1qdBm~Fmm2rW-}CK8rt~oR!t?mR%M+tUHcP)HQqyrJjnguxFY@eU=KB2ceA)fmd^g6;6M1d_@qE=?&5L&{TzOPs00000"
    "000000000000000|Gi3?*TTl^d_-8*a4-M>FNWV<4DVR*O#YL9-5=EM2m8D}n<~7kZFBg;VO1{Z>W?t^RPBbr?$@q&3wnl@p8"
)


def _volume_file(path: Path) -> Path:
    path.write_bytes(zlib.decompress(base64.b85decode(_CUBE)))
    return path


@case("Volume")
def volume_file() -> bpy.types.ID:
    volume = bpy.data.volumes.new("Smoke")
    volume.filepath = str(_volume_file(new_folder() / "smoke ü.vdb"))
    volume.display.density = 2.5
    volume.display.wireframe_type = "BOXES"
    volume.render.space = "WORLD"
    volume.render.step_size = 0.5
    volume.velocity_grid = "flow"
    volume.materials.append(bpy.data.materials.new("Smoke"))
    return volume


@case("Volume")
def volume_sequence() -> bpy.types.ID:
    folder = new_folder()
    for number in range(1, 3):
        _volume_file(folder / f"smoke_{number:04d}.vdb")
    volume = bpy.data.volumes.new("Smoke Sequence")
    volume.filepath = str(folder / "smoke_0001.vdb")
    volume.is_sequence = True
    volume.frame_start, volume.frame_duration, volume.frame_offset = 3, 2, 1
    volume.sequence_mode = "PING_PONG"
    return volume


@case("Volume")
def volume_missing() -> bpy.types.ID:
    volume = bpy.data.volumes.new("Smoke Missing")
    volume.filepath = str(new_folder() / "missing.vdb")
    return volume


# Caches


def _cached(name: str, extension: str) -> bpy.types.Object:
    """An object whose mesh a modifier reads from a file."""
    path = new_folder() / f"{name} ü{extension}"
    scene_object = bpy.data.objects.new(name, grid(name))
    bpy.context.scene.collection.objects.link(scene_object)
    bpy.context.view_layer.update()
    for item in bpy.context.view_layer.objects:
        item.select_set(item == scene_object)
    if extension == ".abc":
        bpy.ops.wm.alembic_export(filepath=str(path), start=1, end=2, selected=True, as_background_job=False)
    else:
        bpy.ops.wm.usd_export(filepath=str(path), selected_objects_only=True, export_materials=False)
    bpy.context.scene.collection.objects.unlink(scene_object)
    cache = _opened(path)
    modifier = scene_object.modifiers.new("Cache", "MESH_SEQUENCE_CACHE")
    modifier.cache_file = cache
    modifier.object_path = f"/{name}/{name}"
    modifier.read_data = {"VERT", "POLY"}
    return scene_object


def _opened(path: Path) -> bpy.types.CacheFile:
    bpy.ops.cachefile.open(filepath=str(path))
    cache = next(item for item in bpy.data.cache_files if Path(item.filepath) == path)
    cache.scale = 2.0
    cache.is_sequence = False
    return cache


@case("CacheFile", needs="alembic")
def cache_alembic() -> bpy.types.ID:
    return _cached("Alembic", ".abc").modifiers[0].cache_file


@case("CacheFile", needs="usd")
def cache_usd() -> bpy.types.ID:
    return _cached("USD", ".usdc").modifiers[0].cache_file


@case("CacheFile")
def cache_missing() -> bpy.types.ID:
    return _opened(new_folder() / "Missing ü.abc")


@case("Object", needs="alembic")
def object_with_cache_file() -> bpy.types.ID:
    return _cached("Alembic Object", ".abc")


# Texts


@case("Text")
def text_internal() -> bpy.types.ID:
    text = bpy.data.texts.new("notes 'ü'.txt")
    text.write("first line\n\n\tthird line, größer\nlast line without an end")
    text.indentation = "TABS"
    text.use_module = True
    text.current_line_index = 2
    return text


@case("Text")
def text_empty() -> bpy.types.ID:
    text = bpy.data.texts.new("empty")
    text.use_fake_user = False
    return text


@case("Text")
def text_file() -> bpy.types.ID:
    path = new_folder() / "script ü.py"
    path.write_text("print('größer')\n", encoding="utf-8")
    return bpy.data.texts.load(str(path))


@case("Text")
def text_file_changed() -> bpy.types.ID:
    path = new_folder() / "changed.py"
    path.write_text("1\n", encoding="utf-8")
    text = bpy.data.texts.load(str(path))
    text.write("2\n")
    return text


@case("Text")
def text_file_missing() -> bpy.types.ID:
    path = new_folder() / "missing.py"
    path.write_text("1\n", encoding="utf-8")
    text = bpy.data.texts.load(str(path))
    path.unlink()
    return text
