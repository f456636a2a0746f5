"""Take the README's pictures from a real window, with the tools of the GUI tests.

python tools/make_pictures.py docs/pictures
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "gui"))

from editor import IDNAME, Editor  # noqa: E402 (the path above leads to it)
from screen import Screen, command  # noqa: E402
from window import Window  # noqa: E402

#: As wide as a page shows it, so that texts are as large as in Blender.
WIDTH, HEIGHT = 1040, 640
#: What is cut off: Blender's own bars at the top and at the bottom.
CROP = ("-crop", f"{WIDTH}x{HEIGHT - 54}+0+26", "+repage")
#: Seconds between two pictures of the animation, and how many it has at most.
FRAME_SECONDS = 0.25
MAX_FRAMES = 80
#: From one column of nodes to the next, and from one row to the next.
COLUMN, ROW, NODE_WIDTH = 204.0, 268.0, 176.0

#: The example's nodes, in the rows and columns in which they fit a small window.
PLACES = {
    "Objects": (0, 0.4),
    "Split Collection": (1, 0.4),
    "Decimate LOD1": (2, 0.0),
    "Decimate LOD2": (2, 1.0),
    "Move LOD1": (3, 0.05),
    "Move LOD2": (3, 1.05),
    "Collect LOD1": (4, 0.1),
    "Collect LOD2": (4, 1.1),
}


class Photographer:
    """Takes pictures of one window."""

    def __init__(self, screen: Screen, window: Window, folder: Path) -> None:
        self.screen = screen
        self.window = window
        self.editor = Editor(window)
        self.folder = folder

    def take(self, name: str) -> None:
        """Save what the window shows."""
        self.window.settle(6)
        shot = self.folder / f"{name}.png"
        self.screen.save(shot)
        _convert(str(shot), *CROP, "-strip", "-quality", "95", str(shot))
        print(shot)

    def open_example(self) -> None:
        """The example Levels of Detail, its graph alone in the window."""
        self.window.run('bpy.ops.background_nodes.example_open(name="Levels of Detail")')
        self.window.wait_for(
            "return any(area.ui_type == idname for area in places.window().screen.areas)", idname=IDNAME
        )
        self.window.settle(8)
        self.window.run(
            """
            tree = places.tree()
            tree.nodes.remove(tree.nodes["Note"])
            for name, (column, row) in positions.items():
                node = tree.nodes[name]
                node.width, node.location = width, (column * across, -row * down)
            with places.editor():
                bpy.ops.screen.screen_full_area()
            """,
            positions=PLACES,
            width=NODE_WIDTH,
            across=COLUMN,
            down=ROW,
        )
        self.window.settle(8)
        self.editor.frame_all()
        time.sleep(0.5)  # the view moves there smoothly
        self.window.event("WHEELUPMOUSE", "PRESS")  # zoom in: the margin is too wide
        self.window.settle(8)

    def animate(self, name: str) -> None:
        """A run from its first second to its last."""
        with tempfile.TemporaryDirectory() as temporary:
            frames: list[str] = []
            self.editor.press_button("background_nodes.run")
            self.window.move(WIDTH / 2, 60)
            while len(frames) < MAX_FRAMES and not self.editor.run()["is_home"]:
                frames.append(str(Path(temporary, f"{len(frames):03d}.png")))
                self.screen.save(Path(frames[-1]))
                time.sleep(FRAME_SECONDS)
            self.window.settle(6)
            last = str(Path(temporary, "last.png"))
            self.screen.save(Path(last))
            target = str(self.folder / f"{name}.gif")
            options = ("-loop", "0", "-colors", "96", "-layers", "OptimizeFrame")
            _convert("-delay", "25", *frames, "-delay", "250", last, *CROP, *options, target)
            print(target)

    def overlay(self) -> None:
        """The heat map, with time and memory over each node."""
        self._set_overlay(True)
        self.take("overlay")
        self._set_overlay(False)

    def forecast(self) -> None:
        """What a run would do after one value was changed, with the Run tab."""
        before = self.window.run(
            """
            ratio = places.tree().nodes["Decimate LOD2"].inputs["Ratio"]
            before, ratio.default_value = ratio.default_value, 0.15
            places.area().spaces.active.show_region_ui = True
            return before
            """
        )
        self._tab("Run")
        self.window.wait_for(
            """
            forecast = places.module("addon.session.forecasts").of(places.tree())
            return forecast is not None and len(forecast.running) == 1
            """
        )
        self.take("forecast")
        self.window.run(
            """
            places.tree().nodes["Decimate LOD2"].inputs["Ratio"].default_value = before
            places.area().spaces.active.show_region_ui = False
            """,
            before=before,
        )

    def _set_overlay(self, value: bool) -> None:
        self.window.run(
            """
            preferences = bpy.context.preferences.addons[extension].preferences
            preferences.overlay_time = preferences.overlay_memory = preferences.overlay_heat_map = value
            places.area().tag_redraw()
            """,
            value=value,
        )

    def link_drag(self) -> None:
        """The search after a link was dropped where nothing is."""
        x, y = self.editor.place_of("Split Collection", 0.2, 1.0)
        self.window.drag(self.editor.output("Split Collection", "Objects"), (x, y - 60))
        self.window.settle(20)
        self.window.type_text("de")
        self.take("link_drag")
        self.window.press("ESC")

    def error(self) -> None:
        """A failed node beside one that waits for it, and the Run tab."""
        self.window.run(
            """
            text = places.tree().nodes["Move LOD2"].script.copy()
            text.from_string(text.as_string().replace("source.location += offset", "source.locaton += offset"))
            places.tree().nodes["Move LOD2"].script = text
            places.area().spaces.active.show_region_ui = True
            """
        )
        self.editor.press_button("background_nodes.run")
        self.editor.wait_until_home()
        self._tab("Run")
        self.take("error")

    def problems(self) -> None:
        """What keeps a tree from running, found before the run."""
        self.window.run(
            """
            tree = places.tree()
            tree.nodes["Objects"].outputs[0].default_value = None
            """
        )
        self.editor.press_button("background_nodes.run")
        self._tab("Problems")
        time.sleep(1.0)
        self.window.press("ESC")
        self.take("problems")

    def _tab(self, name: str) -> None:
        self.window.run(
            """
            places.region(kind="UI").active_panel_category = name
            places.area().tag_redraw()
            """,
            name=name,
        )
        self.window.settle(6)


def _convert(*arguments: str) -> None:
    subprocess.run(command("convert", *arguments), check=True)


def main(folder: Path) -> None:
    """Take all pictures."""
    screen = Screen(WIDTH, HEIGHT)
    with tempfile.TemporaryDirectory() as temporary, Window(screen, Path(temporary)) as window:
        photographer = Photographer(screen, window, folder)
        photographer.open_example()
        photographer.animate("run")
        photographer.overlay()
        photographer.forecast()
        photographer.link_drag()
        photographer.error()
        photographer.problems()
    screen.close()
    complaints = window.complaints() if window.log.exists() else []
    sys.exit("\n".join(complaints) if complaints else 0)


main(Path(sys.argv[1]))
