"""What hundreds of runs leave behind: memory, threads, open files, and files on the disk."""

from __future__ import annotations

import contextlib
import dataclasses
import gc
import math
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

import bpy
import stage
from row import Row

import background_nodes
from background_nodes.addon.session.current import session
from background_nodes.runtime.pool.memory import resident_memory
from background_nodes.runtime.worker import allocator

_MEGABYTE = 1024**2
#: Of so many runs one gives a large mesh, and one is of so many items.
_PERIOD = 12
_NUM_ITEMS = 50
#: What may be added between the second look and the last one: bytes, and numbers of anything.
_MAX_BYTES = 48 * _MEGABYTE
_MAX_NUMBER = 8
#: What the last runs and the store may have on the disk, so that both are full at the first look.
_HISTORY_SIZE = 256 * _MEGABYTE
_STORE_SIZE = 512 * _MEGABYTE

_MAKE_GRID = """\
import bpy


def main(side: int, number: int) -> bpy.types.Object:
    bpy.ops.mesh.primitive_grid_add(x_subdivisions=side, y_subdivisions=side)
    bpy.context.object.location.z = number
    print("made", number)
    return bpy.context.object
"""
_MAKE_ITEM = """\
import bpy


def main(item: int, number: int) -> bpy.types.Object:
    mesh = bpy.data.meshes.new(f"Item {item}")
    mesh.from_pydata([(0, 0, 0), (1, 0, 0), (1, 1, number)], [], [(0, 1, 2)])
    return bpy.data.objects.new(f"Item {item}", mesh)
"""


@dataclasses.dataclass(frozen=True)
class _Held:
    """What is held after a number of runs. The names are those of the table."""

    foreground: int
    workers: int
    threads: int
    handles: int
    worker_handles: int
    scratch_files: int
    scratch: int
    store_files: int
    store: int

    def told(self) -> str:
        sizes = {"foreground", "workers", "scratch", "store"}
        return ", ".join(
            f"{name.replace('_', ' ')} {value / _MEGABYTE:,.0f} MB" if name in sizes else f"{value} {name}"
            for name, value in vars(self).items()
        )


def many_runs(quick: bool) -> Row:
    """Five hundred runs: most are small, some large, some of fifty items. Results come home in the place of others."""
    marks = (12, 24, 36) if quick else (50, 250, 500)
    side = 100 if quick else 1000
    stage.empty_file()
    chain, items = _chain(), _items()

    def carry_out(number: int) -> None:
        kind = number % _PERIOD
        if kind == _PERIOD // 2:
            items.nodes[1].inputs[1].default_value = number
            stage.carry_out(items, workers=2, cache=True)
            return
        run = _carry_out(chain, side if kind == 0 else 4, number)
        if kind == 1:
            run.fetch(chain.nodes[0].name, chain.nodes[0].outputs[0].identifier)
        if kind == 0:
            stage.remove([chain.nodes[-1].outputs[0].result])

    num_large = marks[-1] // _PERIOD
    return _row(f"{marks[-1]} runs, {num_large} of them large, and {num_large * _NUM_ITEMS:,} items", carry_out, marks)


def large_runs(quick: bool) -> Row:
    """Forty runs that each give a mesh of a million vertices, which is removed when it is home."""
    marks = (10, 24, 28) if quick else (10, 25, 40)
    side = 100 if quick else 1000
    stage.empty_file()
    chain = _chain()

    def carry_out(number: int) -> None:
        _carry_out(chain, side, number)
        stage.remove([chain.nodes[-1].outputs[0].result])

    return _row(f"{marks[-1]} runs, each with {side**2:,} vertices", carry_out, marks)


def _carry_out(chain: bpy.types.NodeTree, side: int, number: int) -> background_nodes.Run:
    chain.nodes[0].inputs[0].default_value = side
    chain.nodes[0].inputs[1].default_value = number
    return stage.carry_out(chain, workers=2, cache=True)


def _row(name: str, carry_out: Callable[[int], None], marks: tuple[int, int, int]) -> Row:
    """What is held after these numbers of runs. `carry_out` is given the number of each, from 1 on."""
    held: dict[int, _Held] = {}
    with stage.own_store(_STORE_SIZE, _HISTORY_SIZE) as store:
        for number in range(1, marks[-1] + 1):
            carry_out(number)
            if number in marks:
                held[number] = _look(store)
        session.close()
    middle, last = held[marks[1]], held[marks[2]]
    grown = [each for each, value in vars(last).items() if value - vars(middle)[each] > _allowed(each)]
    return Row(
        name,
        "\n".join(f"after {number}: {one.told()}" for number, one in held.items()),
        "",
        None,
        f"flat from run {marks[1]} to {marks[2]}" + (f"; grows: {', '.join(grown)}" if grown else ""),
        not grown,
        {str(mark): dataclasses.asdict(one) for mark, one in held.items()},
    )


def _allowed(name: str) -> float:
    if name == "store_files":  # the store's limit is one of size
        return math.inf
    return _MAX_BYTES if name in {"foreground", "workers", "scratch", "store"} else _MAX_NUMBER


def _chain() -> bpy.types.NodeTree:
    """An object is made, and passed on twice."""
    tree = stage.new_tree()
    stage.script_node(tree, _MAKE_GRID)
    stage.add_after(tree, stage.PASS_ON)
    stage.add_after(tree, stage.PASS_ON)
    stage.bring_home(tree)
    return tree


def _items() -> bpy.types.NodeTree:
    tree = stage.mapped_tree(_MAKE_ITEM, _NUM_ITEMS)
    stage.bring_home(tree)
    return tree


def _look(store: Path) -> _Held:
    gc.collect()
    allocator.give_back()  # else it is told what the last large result took, too
    workers = session.worker_process_ids
    stored, scratch = _files(store), _files(Path(tempfile.gettempdir()))
    return _Held(
        foreground=resident_memory(),
        workers=sum(map(resident_memory, workers)),
        threads=threading.active_count(),
        handles=_num_handles("self"),
        worker_handles=sum(map(_num_handles, workers)),
        scratch_files=len(scratch) - len(stored),
        scratch=sum(scratch.values()) - sum(stored.values()),
        store_files=len(stored),
        store=sum(stored.values()),
    )


def _files(folder: Path) -> dict[Path, int]:
    """The sizes of all files in a folder."""
    found = {}
    for path in folder.rglob("*"):
        with contextlib.suppress(OSError):  # it is being removed
            if path.is_file():
                found[path] = path.stat().st_size
    return found


def _num_handles(process: int | str) -> int:
    folder = Path(f"/proc/{process}/fd")
    return sum(1 for _ in folder.iterdir()) if folder.is_dir() else 0
