"""`make demo`: a dozen detailed objects become game assets, in parallel background Blenders.

For each object: two levels of detail, unwrapped, with the normals and colours of the original baked, exported as glTF;
and at the end a contact sheet of them all. Run it in a Python that has `bpy`, `rich` and this project.
"""

import argparse
import shutil
import sys
import time
from pathlib import Path

import bpy
import demo_graph
import demo_scene
from rich.console import Console

import background_nodes
from background_nodes.addon.command_line.terminal import make_view
from background_nodes.addon.session.current import session

ROOT = Path(__file__).resolve().parents[1]
#: Every fourth object is run once more, with one worker and with all, to compare.
COMPARED = slice(None, None, 4)

console = Console(highlight=False)


def main(arguments: list[str]) -> int:
    """Run the demo; the exit code."""
    options = parse(arguments)
    background_nodes.register()
    try:
        return run_demo(options)
    except background_nodes.BackgroundNodesError as error:
        console.print(str(error), style="bold red", markup=False)
        return 1
    except KeyboardInterrupt:
        console.print("Cancelled", style="magenta")
        return 130
    finally:
        background_nodes.unregister()


def parse(arguments: list[str]) -> argparse.Namespace:
    """Read the options."""
    parser = argparse.ArgumentParser(prog="demo.py", description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--output", type=Path, default=ROOT / "build" / "demo", metavar="DIR", help="where results go, emptied before"
    )
    parser.add_argument("--workers", type=int, default=None, metavar="N", help="how many background Blenders")
    parser.add_argument("--objects", type=int, default=None, metavar="N", help="only the first N objects")
    parser.add_argument("--detail", type=int, default=0, help="added to the levels of subdivision")
    parser.add_argument("--no-comparison", action="store_true", help="don't measure the speed-up")
    return parser.parse_args(arguments)


def run_demo(options: argparse.Namespace) -> int:
    """Make the input, run the graph, save, compare."""
    output = options.output.resolve()
    make_folder(output)
    blend = output / "demo.blend"

    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    objects = demo_scene.build(options.objects, options.detail)
    tree = demo_graph.build("Game Assets", objects, "//")  # beside the file
    save(blend)
    console.print(f"{len(objects)} objects, {demo_scene.num_faces(objects):,} faces -> {len(tree.nodes)} nodes\n")

    run = carry_out(tree, options.workers)
    if run.state != "succeeded":
        show_errors(run)
        return 1
    arrange()
    save(blend)
    show_results(output, blend, run)
    if not options.no_comparison:
        compare(objects[COMPARED], options.workers, output / ".comparison")
    return 0


def make_folder(output: Path) -> None:
    """Make the folder for the results; what an earlier demo left there goes, and nothing else."""
    output.mkdir(parents=True, exist_ok=True)
    for name in ("demo.blend", "contact sheet.png"):
        (output / name).unlink(missing_ok=True)
    for name in ("glTF", ".comparison"):
        shutil.rmtree(output / name, ignore_errors=True)


def save(path: Path) -> None:
    """Save the open file."""
    bpy.ops.wm.save_as_mainfile(filepath=str(path), compress=True)


def carry_out(tree: bpy.types.NodeTree, workers: int | None) -> background_nodes.Run:
    """Run all of a tree, whatever is kept of earlier runs, with bars in the terminal, the command line's."""
    with make_view(sys.stdout) as view:
        run = session.start(tree, workers=workers, cache=False, on_event=view.hear)
        while not run.wait(0.1).is_final:
            view.update(run)
        view.update(run)
    return run


def show_errors(run: background_nodes.Run) -> None:
    """Tell which nodes went wrong, and why."""
    for task in run.tasks.values():
        if task.error is not None and task.state != "skipped":
            console.print(f"\n{task.name} {task.state}", style="bold red")
            console.print(f"{task.error.message}\n{task.error.traceback}", markup=False)


def arrange() -> None:
    """Move the levels of detail beside the originals; they were made in the same place."""
    step = (demo_scene.COLUMNS + 0.5) * demo_scene.SPACING
    for number in (1, 2):
        for item in bpy.data.collections[f"LOD{number}"].objects:
            item.location.x += number * step


def show_results(output: Path, blend: Path, run: background_nodes.Run) -> None:
    """Tell where everything is."""
    exported = sorted((output / "glTF").glob("*.glb"))
    size = sum(path.stat().st_size for path in exported) / 1e6
    num_tasks = sum(task.num_items or 0 for task in run.tasks.values())
    console.print(f"\n{num_tasks} tasks in {run.seconds:.0f} s\n", style="bold green")
    console.print(f"Blend file     {blend}", soft_wrap=True)
    console.print(f"glTF files     {output / 'glTF'} ({len(exported)} files, {size:.1f} MB)", soft_wrap=True)
    console.print(f"Contact sheet  {output / 'contact sheet.png'}", soft_wrap=True)


def compare(objects: list[bpy.types.Object], workers: int | None, folder: Path) -> None:
    """Run the same graph for some of the objects with one worker, then with all, and tell how they compare."""
    names = ", ".join(item.name for item in objects)
    console.print(f"\nThe same for {names}: first with one worker, then with all\n", soft_wrap=True)
    seconds = []
    for number, count in enumerate((1, workers)):
        tree = demo_graph.build(f"Comparison {number + 1}", objects, f"{folder}/")
        start = time.perf_counter()
        run = carry_out(tree, count)
        seconds.append(time.perf_counter() - start)
        bpy.data.node_groups.remove(tree)
        shutil.rmtree(folder, ignore_errors=True)
        if run.state != "succeeded":
            show_errors(run)
            return
        console.print()
    one, many = seconds
    console.print(f"One worker {one:.1f} s, {workers or 'all'} workers {many:.1f} s: {one / many:.2f} times as fast")
    console.print("(renders and bakes use every processor core with one worker, too)", style="dim")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
