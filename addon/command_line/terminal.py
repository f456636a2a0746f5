# SPDX-License-Identifier: GPL-3.0-or-later
"""How a run is shown in a terminal: a bar for each node with rich, plain lines without rich or without a terminal."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import IO, Any, Protocol, Self

from ...runtime.scheduling.states import TaskState
from ..session.run import Run, RunEvent
from ..session.task import Task
from .terminal_text import one_line

#: Lines of a terminal that are kept free: the prompt, the bar of the whole run, and an empty one.
_SPARE_LINES = 3
#: Columns of a bar, of 80 at least.
_BAR_WIDTH = 20
_STYLES = {
    TaskState.SUCCEEDED: "green",
    TaskState.FAILED: "red",
    TaskState.TIMED_OUT: "red",
    TaskState.CANCELLED: "yellow",
    TaskState.SKIPPED: "yellow",
}


class View(Protocol):
    """Hears each event of a run (`on_event`), and is told to update several times a second."""

    def hear(self, event: RunEvent) -> None: ...

    def update(self, run: Run) -> None: ...


@contextlib.contextmanager
def make_view(stream: IO[str]) -> Iterator[View]:
    """A view on `stream`, the best it can show."""
    try:
        import rich.console
    except ImportError:  # Blender's own Python has no rich
        yield Lines(stream)
        return
    console = rich.console.Console(file=stream)
    if not console.is_terminal or console.is_dumb_terminal:
        yield Lines(stream)
        return
    bars = Bars(console)
    with bars:
        yield bars


class Lines:
    """One line whenever the state of a node changes."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream
        self._states: dict[str, TaskState] = {}

    def hear(self, event: RunEvent) -> None:
        if event.name == "note":
            self._print(f"Note: {event.message}")
        if event.task is not None and self._states.get(event.task.name) is not event.task.state:
            self._states[event.task.name] = event.task.state
            if event.task.state not in (TaskState.WAITING, TaskState.READY):
                self._print(f"{event.task.name}: {_details(event.task)}")

    def update(self, run: Run) -> None:
        """Nothing: lines come with the events."""

    def _print(self, line: str) -> None:
        # If nobody reads the output any more, the run still goes on.
        with contextlib.suppress(OSError):
            print(one_line(line), file=self._stream, flush=True)


class Bars:
    """A bar for each node that has begun, and one for the whole run."""

    def __init__(self, console: Any) -> None:
        from rich import progress
        from rich.table import Column

        self._console = console
        self._progress = progress.Progress(  # what is long, such as the name of a node in groups, takes more lines
            progress.TextColumn("{task.description}", table_column=Column(overflow="fold")),
            progress.BarColumn(bar_width=_BAR_WIDTH),
            progress.TaskProgressColumn(),
            progress.TextColumn("{task.fields[details]}", table_column=Column(overflow="fold")),
            console=console,
        )
        self._bars: dict[str, Any] = {}
        self._whole = self._progress.add_task("[bold]Run", total=1.0, details="")

    def __enter__(self) -> Self:
        self._progress.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._progress.__exit__(*error)

    def hear(self, event: RunEvent) -> None:
        if event.name == "note":
            self._console.print(one_line(f"Note: {event.message}"), markup=False)

    def update(self, run: Run) -> None:
        from rich.markup import escape

        num_rows = max(1, self._console.height - _SPARE_LINES)
        for task in run.tasks.values():
            if task.state not in (TaskState.WAITING, TaskState.READY):
                bar = self._bar(task, escape(one_line(task.name)))
                is_shown = len(self._bars) <= num_rows or task.state is not TaskState.SUCCEEDED
                text = escape(one_line(_details(task)))
                style = _STYLES.get(task.state)
                details = f"[{style}]{text}[/]" if style else text
                self._progress.update(bar, completed=task.progress, details=details, visible=is_shown)
        self._progress.update(self._whole, completed=run.progress, details=f"{run.seconds:.1f} s")

    def _bar(self, task: Task, description: str) -> Any:
        if task.node_id not in self._bars:
            self._bars[task.node_id] = self._progress.add_task(description, total=1.0, details="")
        return self._bars[task.node_id]


def _details(task: Task) -> str:
    """The state of a task in a few words."""
    if task.state is TaskState.SKIPPED and task.error is not None:
        return task.error.message  # "skipped because ..."
    words = [task.state.replace("_", " ")]
    if task.is_mapped and task.num_items is not None:
        num_done = task.num_succeeded if task.state.is_final else task.num_done
        words.append(f"{num_done}/{task.num_items} items")
    if task.state.is_final and task.seconds:
        words.append(f"{task.seconds:.1f} s")
    if task.state is TaskState.RUNNING and task.text:
        words.append(task.text)
    if task.error is not None:
        words.append(task.error.message.partition("\n")[0])
    return ", ".join(words)
