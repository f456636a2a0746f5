"""What a screen shows, as pixels."""

from __future__ import annotations

Color = tuple[int, int, int]


class Picture:
    """Pixels, counted from the lower left corner as Blender counts."""

    def __init__(self, ppm: bytes) -> None:
        """Read a binary PPM file of 8 bits a channel."""
        kind, self.width, self.height, depth = self._header(ppm)
        if (kind, depth) != (b"P6", 255):
            raise ValueError(f"no binary PPM of 8 bits: {kind!r}, {depth}")
        self._pixels = ppm[-3 * self.width * self.height :]

    @staticmethod
    def _header(ppm: bytes) -> tuple[bytes, int, int, int]:
        kind, width, height, depth = ppm[:64].split(maxsplit=4)[:4]
        return kind, int(width), int(height), int(depth)

    def color(self, x: float, y: float) -> Color:
        start = 3 * ((self.height - 1 - int(y)) * self.width + int(x))
        red, green, blue = self._pixels[start : start + 3]
        return red, green, blue

    def row(self, left: float, right: float, y: float) -> list[Color]:
        """The colours of a row from left to right."""
        return [self.color(x, y) for x in range(int(left), int(right))]
