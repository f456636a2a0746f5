"""Images: generated, painted, packed, tiled, from files, sequences and movies.

Painted ones have unsaved pixels, transparent ones among them; what they are in memory must arrive.
"""

from __future__ import annotations

from pathlib import Path

import bpy
import numpy

from . import case, new_folder


def painted(image: bpy.types.Image) -> bpy.types.Image:
    """Fill it with pixels of its own, unsaved."""
    values = numpy.linspace(0.0, 1.0, len(image.pixels), dtype=numpy.float32)
    values[3::4] = numpy.resize(numpy.array([0.0, 0.5, 1.0, 0.25], numpy.float32), len(values) // 4)
    image.pixels.foreach_set(values)
    image.update()
    assert image.is_dirty
    return image


def new_image(name: str, *, alpha_mode: str = "STRAIGHT", space: str = "", **options: bool) -> bpy.types.Image:
    image = bpy.data.images.new(name, 6, 4, alpha=True, **options)
    image.alpha_mode = alpha_mode
    if space:
        image.colorspace_settings.name = space
    return image


def saved(image: bpy.types.Image, path: Path) -> bpy.types.Image:
    """Save it to a file of its own, which it has as its source from then on."""
    image.filepath_raw = str(path)
    image.file_format = {".png": "PNG", ".exr": "OPEN_EXR"}[path.suffix]
    image.save()
    return image


def picture(folder: Path, name: str, color: tuple[float, ...] = (1.0, 0.5, 0.25, 1.0)) -> Path:
    """A small picture file."""
    image = bpy.data.images.new("~", 6, 4, alpha=True)
    image.generated_color = color
    path = folder / name
    saved(image, path)
    bpy.data.images.remove(image)
    return path


def fill_tile(image: bpy.types.Image, number: int, side: int) -> None:
    """Give a tile a size and colours of its own."""
    tile = image.tiles.get(number) or image.tiles.new(number)
    image.tiles.active = tile
    with bpy.context.temp_override(edit_image=image):
        bpy.ops.image.tile_fill(
            color=(0.5, 0.25, 0.125, 1),
            generated_type="COLOR_GRID",
            width=side,
            height=side,
            float=image.is_float,
            alpha=True,
        )


def new_tiles(name: str, **options: bool) -> bpy.types.Image:
    """Three tiles, one of them alone in its row."""
    image = bpy.data.images.new(name, 6, 4, alpha=True, tiled=True, **options)
    for number, side in ((1001, 4), (1002, 8), (1011, 2)):
        fill_tile(image, number, side)
    for tile in image.tiles:
        tile.label = f"Tile {tile.number}"
    return image


# Generated


@case("Image")
def image_blank() -> bpy.types.ID:
    image = new_image("Blank", alpha_mode="PREMUL", space="Non-Color")
    image.generated_color = (0.1, 0.2, 0.3, 0.4)
    image["custom"] = [1, 2, 3]
    return image


@case("Image")
def image_uv_grid() -> bpy.types.ID:
    image = new_image("UV Grid", float_buffer=True)
    image.generated_type = "UV_GRID"
    image.use_view_as_render = True
    return image


@case("Image")
def image_color_grid() -> bpy.types.ID:
    image = bpy.data.images.new("Color Grid", 8, 8, alpha=False)
    image.generated_type = "COLOR_GRID"
    image.seam_margin = 3
    image.display_aspect = 2.0, 3.0
    image.use_half_precision = False
    return image


# Painted


@case("Image")
def image_painted() -> bpy.types.ID:
    return painted(new_image("Painted"))


@case("Image")
def image_painted_premultiplied() -> bpy.types.ID:
    return painted(new_image("Painted Premultiplied", alpha_mode="PREMUL"))


@case("Image")
def image_painted_channels() -> bpy.types.ID:
    return painted(new_image("Painted Channels", alpha_mode="CHANNEL_PACKED", space="Non-Color"))


@case("Image")
def image_painted_without_alpha() -> bpy.types.ID:
    return painted(new_image("Painted Without Alpha", alpha_mode="NONE"))


@case("Image")
def image_painted_float() -> bpy.types.ID:
    image = new_image("Painted Float", float_buffer=True)
    values = numpy.linspace(-2.0, 1000.0, len(image.pixels), dtype=numpy.float32)
    image.pixels.foreach_set(values)
    image.update()
    return image


@case("Image")
def image_painted_float_straight() -> bpy.types.ID:
    return painted(new_image("Painted Float Straight", float_buffer=True, space="sRGB"))


@case("Image")
def image_painted_float_premultiplied() -> bpy.types.ID:
    return painted(new_image("Painted Float Premultiplied", float_buffer=True, alpha_mode="PREMUL"))


@case("Image")
def image_painted_over_its_file() -> bpy.types.ID:
    return painted(saved(new_image("Painted Over"), new_folder() / "painted.png"))


@case("Image")
def image_painted_over_what_is_packed() -> bpy.types.ID:
    image = painted(new_image("Painted Packed"))
    image.pack()
    image.pixels[0] = 1.0
    image.update()
    return image


@case("Image")
def image_scaled_unsaved() -> bpy.types.ID:
    image = saved(painted(new_image("Scaled")), new_folder() / "scaled.png")
    image.scale(3, 9)
    return image


# Packed


@case("Image")
def image_packed() -> bpy.types.ID:
    image = painted(new_image("Packed"))
    image.pack()
    return image


@case("Image")
def image_packed_float() -> bpy.types.ID:
    image = painted(new_image("Packed Float", float_buffer=True, alpha_mode="PREMUL"))
    image.pack()
    return image


@case("Image")
def image_packed_file() -> bpy.types.ID:
    image = bpy.data.images.load(str(picture(new_folder(), "packed 'ü'.png")))
    image.pack()
    return image


# Files


@case("Image")
def image_file() -> bpy.types.ID:
    image = bpy.data.images.load(str(picture(new_folder(), "picture ü.png")))
    image.colorspace_settings.name = "Non-Color"
    image.alpha_mode = "CHANNEL_PACKED"
    image.use_fake_user = True
    return image


@case("Image")
def image_file_float() -> bpy.types.ID:
    image = painted(new_image("Float File", float_buffer=True, alpha_mode="PREMUL"))
    return saved(image, new_folder() / "float.exr")


@case("Image")
def image_file_missing() -> bpy.types.ID:
    path = picture(new_folder(), "missing.png")
    image = bpy.data.images.load(str(path))
    path.unlink()
    image.reload()
    return image


@case("Image")
def image_sequence() -> bpy.types.ID:
    folder = new_folder()
    for number in range(1, 4):
        picture(folder, f"frame_{number:04d}.png", (number / 4, 0.0, 0.0, 1.0))
    image = bpy.data.images.load(str(folder / "frame_0001.png"))
    image.source = "SEQUENCE"
    return image


@case("Image")
def image_movie() -> bpy.types.ID:
    image = bpy.data.images.load(str(movie(new_folder())))
    image.source = "MOVIE"
    image.use_deinterlace = True
    return image


def movie(folder: Path) -> Path:
    """A film of three frames, 8 by 4 pixels, each of one colour."""
    path = folder / "movie.avi"
    path.write_bytes(_avi([bytes((number * 80, 0, 255)) * 8 * 4 for number in range(3)], 8, 4))
    return path


def _avi(frames: list[bytes], width: int, height: int) -> bytes:
    """Plain BGR pictures, 24 a second, in a RIFF file. Rows are multiples of four bytes."""

    def number(value: int, size: int = 4) -> bytes:
        return value.to_bytes(size, "little")

    def chunk(name: bytes, content: bytes) -> bytes:
        return name + number(len(content)) + content

    count, largest = len(frames), len(frames[0])
    main = [41_666, largest * 24, 0, 0x10, count, 0, 1, largest, width, height, 0, 0, 0, 0]
    stream = [0, 0, 0, 1, 24, 0, count, largest, 0xFFFFFFFF, 0]
    header = b"vidsDIB " + b"".join(map(number, stream)) + b"".join(number(side, 2) for side in (0, 0, width, height))
    bitmap = number(40) + number(width) + number(height) + number(1, 2) + number(24, 2) + number(0)
    bitmap += b"".join(map(number, (largest, 0, 0, 0, 0)))
    pictures, index = b"movi", b""
    for frame in frames:
        index += b"00db" + b"".join(map(number, (0x10, len(pictures), len(frame))))
        pictures += chunk(b"00db", frame)
    streams = chunk(b"LIST", b"strl" + chunk(b"strh", header) + chunk(b"strf", bitmap))
    headers = chunk(b"LIST", b"hdrl" + chunk(b"avih", b"".join(map(number, main))) + streams)
    return chunk(b"RIFF", b"AVI " + headers + chunk(b"LIST", pictures) + chunk(b"idx1", index))


# Views


@case("Image")
def image_stereo() -> bpy.types.ID:
    image = bpy.data.images.new("Stereo", 6, 4, stereo3d=True)
    image.generated_type = "UV_GRID"
    return image


@case("Image")
def image_stereo_file() -> bpy.types.ID:
    image = bpy.data.images.load(str(picture(new_folder(), "stereo.png")))
    image.use_multiview = True
    image.views_format = "STEREO_3D"
    image.stereo_3d_format.display_mode = "SIDEBYSIDE"
    image.stereo_3d_format.use_squeezed_frame = True
    return image


# Tiles


@case("Image")
def image_tiles_generated() -> bpy.types.ID:
    return new_tiles("Tiles Generated")


@case("Image")
def image_tiles_painted() -> bpy.types.ID:
    image = new_tiles("Tiles Painted")
    return painted(image)


@case("Image")
def image_tiles_painted_float() -> bpy.types.ID:
    image = new_tiles("Tiles Float", float_buffer=True)
    image.alpha_mode = "PREMUL"
    return painted(image)


@case("Image")
def image_tiles_files() -> bpy.types.ID:
    image = painted(new_tiles("Tiles Files"))
    image.filepath_raw = str(new_folder() / "tile.<UDIM>.png")
    image.save()
    return image


@case("Image")
def image_tiles_packed() -> bpy.types.ID:
    image = painted(new_tiles("Tiles Packed"))
    image.pack()
    return image
