# SPDX-License-Identifier: GPL-3.0-or-later
"""One task in a worker, from its message to its results: the only place where an artist's code is executed."""

from __future__ import annotations

import contextvars
import dataclasses
import linecache
import sys
import traceback
import types
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path, PurePath
from typing import Any

import bpy

from ...script import telling
from ..blend_file import blob_digests
from ..blend_file.outside import Outside
from ..blender import blobs, cycles_devices, data_block_kinds, pixels, temporary_files, whole_file
from ..blender.dependencies import used_by, uses
from ..engine import own_files, used_files
from ..engine.messages import Execute, Failed, Gather, Gathered, Succeeded
from ..engine.run_files import read_context
from ..errors import BackgroundNodesError, StoreError, UnwrittenError
from ..keys.files import FileDigests
from ..planning.graph import SceneSettings
from ..planning.plan import TaskOutput
from ..scratch import value_files
from ..scratch.contents import DataBlockName
from ..scratch.partial_data import PartialDataFile
from ..scratch.removal import remove_files
from ..scratch.scratch import ScratchFolder
from ..scratch.typed_values import TypedValue
from ..script import self_contained
from ..script.signature import ScriptSource
from ..script.socket_types import SocketType, StoredRef
from . import arguments, artist_folder, driver_errors, script_file, without_main
from .cleaning import imports
from .inputs import Inputs
from .output import captured_output, flush, without_chatter
from .scene_context import inputs_in_scene

#: Looks at the files that data-blocks name.
_OUTSIDE = Outside(FileDigests())
#: The name under which a script runs as a module.
SCRIPT_MODULE = "background_nodes_script"

#: Characters of an error's message and of its traceback that are sent; of longer ones the middle is left out.
_MAX_MESSAGE = 2_000
_MAX_TRACEBACK = 50_000


class ScriptError(BackgroundNodesError):
    """A script can't be run, or its results can't be used."""


def execute(task: Execute, folder: ScratchFolder, restore: Callable[[], None]) -> Succeeded | Failed:
    """Run a task in a clean, empty file.

    Args:
        task: what to run.
        folder: the files of the scratch folder.
        restore: undoes what a script has changed of Python that its results are written with.

    Returns:
        the outcome, `Failed` for any error. Nothing is raised.
    """
    filename = task.script.filename
    own_copy = whole_file.place_for_copy(task.open_file) if task.file_copy else None
    log = folder.file(task.log)
    partial = PartialDataFile(folder.partial_data_of(task.log))
    telling.set_places(folder.files_of(task.log), folder.cancellation_of(task.log), partial)
    try:
        with captured_output(log):  # drivers fail while a file is opened, too
            code = code_if_self_contained(task)
            return _results(task, folder, own_copy, log, restore) if code is None else _own_results(task, folder, code)
    except BackgroundNodesError as error:
        if _line_in(error, filename) is None:
            return _ended(Failed.of(error), task, folder)
        return _ended(_failed(error, filename), task, folder)
    except BaseException as error:  # a script may raise anything, SystemExit and KeyboardInterrupt too
        return _ended(_failed(error, filename), task, folder)
    finally:
        telling.set_places(None, None, None)
        if own_copy is not None:
            whole_file.close_copy(own_copy)


def _results(
    task: Execute, folder: ScratchFolder, own_copy: Path | None, log: Path, restore: Callable[[], None]
) -> Succeeded:
    task = _loaded(task, folder)
    refs = [ref for argument in task.arguments for ref in arguments.stored_refs(argument)]
    with without_chatter(log):
        inputs = _inputs(task, refs, folder, own_copy)
    if not task.file_copy:  # a whole file has settings of its own
        _set_scene(task.scene)
    run = _run_without_main if task.script.is_without_main else _run_main
    rendered = {image.session_uid for image in _rendered_images()}
    with own_files.using(read_context(task, folder, bpy.path.abspath)), used_files.noted(bpy.path.abspath) as used:
        written = own_files.WrittenFiles()
        with artist_folder.entered(task.open_file, own_copy):
            fields = run(task, inputs, restore)
        warning = _told(driver_errors.failed())
        if own_copy is not None:
            whole_file.check_left_beside(own_copy)
        with without_chatter(log):
            values = _collect(fields, task, inputs, folder, rendered)
        paths = list(_paths(values.values(), folder))
        own_files.claim_results(paths, written)
        states = used.finish(paths)
    obstacle = used.obstacle or (_digested(task, refs, folder) if task.is_digested else "")
    if folder.files_of(task.log).exists():
        obstacle = obstacle or "it asked for output_folder(), which is not kept"
    if folder.cancellation_of(task.log).exists():
        obstacle = obstacle or "it was cancelled"
    read, claimed = tuple(used.read.values()), tuple(sorted(used.written))
    return Succeeded(values, read=read, written=states, claimed=claimed, obstacle=obstacle, warning=warning)


def _inputs(task: Execute, refs: Iterable[StoredRef], folder: ScratchFolder, own_copy: Path | None) -> Inputs:
    return Inputs(
        folder,
        refs,
        file_copy=task.file_copy,
        own_copy=own_copy,
        may_change=any(output.type.is_data_block for output in task.outputs),  # what else it changes is gone with it
        shares_parts=task.script.is_without_main,
    )


def code_if_self_contained(task: Execute) -> types.CodeType | None:
    """The compiled script of a task that can change nothing but what it makes itself, None for any other task."""
    given = (piece.value for argument in task.arguments for piece in argument.pieces)
    kinds = {each.type.kind for each in (*task.arguments, *given, *task.outputs)}
    if task.kind.addons or task.file_copy or not kinds <= self_contained.PLAIN_KINDS:
        return None
    return self_contained.compiled(task.script)


def size_of_inputs(task: Execute, folder: ScratchFolder) -> int:
    """Bytes of the blobs that a task is given; those that are named in files of values are left out."""
    refs = (ref for argument in task.arguments for ref in arguments.stored_refs(argument))
    names = {*(ref.blob for ref in refs if isinstance(ref, StoredRef)), *filter(None, [task.file_copy])}
    return sum(path.stat().st_size for path in map(folder.file, names) if path.exists())


def _own_results(task: Execute, folder: ScratchFolder, code: types.CodeType) -> Succeeded:
    """Run a task whose script is self-contained. It can't see the scene, so that stays as it is."""
    task, inputs = _loaded(task, folder), Inputs(folder, (), may_change=False)
    values = {argument.identifier: arguments.bind(argument, inputs) for argument in task.arguments}
    space = _executed(code, _new_module(task.script, SCRIPT_MODULE, {}))
    fields = _fields(_main_of(space)(**values), task.outputs)
    return Succeeded(_collect(fields, task, inputs, folder, set()))


def _loaded(task: Execute, folder: ScratchFolder) -> Execute:
    """The same task with no value in a file."""
    return dataclasses.replace(task, arguments=tuple(arguments.loaded(each, folder) for each in task.arguments))


def _told(failed_drivers: list[str]) -> str:
    """Tell the log which drivers failed. Returns the first of them and how many others there are."""
    for each in failed_drivers:
        print(f"{each[0].upper()}{each[1:]} failed: what it drives has a wrong value")  # noqa: T201 (the log)
    others = f" and {len(failed_drivers) - 1} more" if len(failed_drivers) > 1 else ""
    return f"{failed_drivers[0]}{others} failed in the background; see the log" if failed_drivers else ""


def _digested(task: Execute, refs: Iterable[StoredRef], folder: ScratchFolder) -> str:
    """Write the digests of what a task gave, and of which it was given `refs`, beside its blob.

    Returns:
        why that can't be done, "" if it is done.
    """
    blob = folder.file(task.blob)
    try:
        if blob.exists():
            blob_digests.write(blob, _OUTSIDE, [folder.file(name) for name in dict.fromkeys(ref.blob for ref in refs)])
    except StoreError as error:
        return str(error)
    return ""


def _paths(values: Iterable[TypedValue], folder: ScratchFolder) -> Iterator[str]:
    """The paths in results."""
    for value in values:
        if value.type.kind == "PATH":
            yield from filter(None, value_files.elements(value, folder))


def gather(task: Gather, folder: ScratchFolder) -> Gathered | Failed:
    """Write data-blocks of several blobs into one."""
    try:
        inputs = Inputs(folder, task.refs, may_change=False)
        roots = [inputs[ref] for ref in task.refs]
        _write(roots, task.blob, inputs, folder)
        return Gathered(tuple(_stored(root, task.blob) for root in roots))
    except BackgroundNodesError as error:
        return Failed.of(error)
    except Exception as error:  # the foreground does without
        return Failed(str(error))


def _set_scene(settings: SceneSettings) -> None:
    scene = bpy.context.scene
    scene.frame_start = settings.frame_start
    scene.frame_end = settings.frame_end
    scene.render.fps = settings.fps
    scene.render.fps_base = settings.fps_base
    scene.unit_settings.system = settings.unit_system
    scene.unit_settings.scale_length = settings.unit_scale_length
    if settings.unit_system != "NONE":
        scene.unit_settings.length_unit = settings.length_unit
    cycles_devices.use_in(scene)
    if scene.frame_current != settings.frame_current:
        scene.frame_set(settings.frame_current)


def _run_main(task: Execute, inputs: Inputs, restore: Callable[[], None]) -> list[Any]:
    """The value of each output."""
    with inputs_in_scene(inputs):
        values = _bound(task, "identifier", inputs)
        return _run(lambda: _fields(_load_main(task.script)(**values), task.outputs), restore)


def _run_without_main(task: Execute, inputs: Inputs, restore: Callable[[], None]) -> list[Any]:
    """The value of each output."""
    with inputs_in_scene(inputs, without_main.PLACE_NAME):
        variables = without_main.variables(_bound(task, "label", inputs), inputs.newcomers())
        space = _run(lambda: _load(task.script, "__main__", variables), restore)
    return without_main.outputs(space, task.outputs)


def _bound(task: Execute, name: str, inputs: Inputs) -> dict[str, Any]:
    """The script's arguments by what `name` says that they are called by: their "identifier" or their "label"."""
    values = {getattr(argument, name): arguments.bind(argument, inputs) for argument in task.arguments}
    bpy.context.view_layer.update()
    return values


def _run(script: Callable[[], Any], restore: Callable[[], None]) -> Any:
    """What the script returns, called in a context (of decimal numbers, of numpy's errors) that ends with it."""
    recursion_limit = sys.getrecursionlimit()
    try:
        return contextvars.copy_context().run(script)
    finally:
        # What follows must not be disturbed by what the script set for itself.
        streams = [sys.__dict__.get(name) for name in ("stdout", "stderr")]  # it may have put others there, or none
        restore()
        flush(*streams)
        sys.settrace(None)
        sys.setprofile(None)
        sys.setrecursionlimit(recursion_limit)


def _load_main(script: ScriptSource) -> Callable[..., Any]:
    """The `main` of a script."""
    return _main_of(_load(script, SCRIPT_MODULE, {}))


def _main_of(space: dict[str, Any]) -> Callable[..., Any]:
    main = space.get("main")
    if not callable(main):
        raise ScriptError('the script has no function "main"')
    return main


def _load(script: ScriptSource, name: str, variables: dict[str, Any]) -> dict[str, Any]:
    """Execute a script as a module of that name, whose globals start with `variables`, and return them."""
    if script.folder:
        sys.path.insert(0, script.folder)
        imports.enter_folder(script.folder)
    space = _new_module(script, name, variables)
    script_file.offer(script, sys.modules[name], SCRIPT_MODULE, temporary_files.script_folder())
    return _executed(compile(script.text, script.filename, "exec", dont_inherit=True), space)


def _executed(code: types.CodeType, space: dict[str, Any]) -> dict[str, Any]:
    exec(code, space)
    return space


def _new_module(script: ScriptSource, name: str, variables: dict[str, Any]) -> dict[str, Any]:
    """The globals of a new module for a script, which is not executed yet."""
    text, filename = script.text, script.filename
    # Tracebacks show the source of texts and of files that change meanwhile as it was when it ran.
    linecache.cache[filename] = (len(text), None, text.splitlines(keepends=True), filename)
    module = types.ModuleType(SCRIPT_MODULE)
    space = vars(module)
    space.update(variables, __name__=name, __file__=filename)
    sys.modules[SCRIPT_MODULE] = sys.modules[name] = module
    return space


def _collect(
    fields: list[Any], task: Execute, inputs: Inputs, folder: ScratchFolder, rendered: set[int]
) -> dict[str, TypedValue]:
    """The values of the outputs; their data-blocks are in the task's blob. `rendered` were there before the script."""
    roots: list[bpy.types.ID] = []
    values = {}
    for output, given in zip(task.outputs, fields, strict=True):
        value = arguments.checked_result(given, output)
        if output.type.is_data_block:
            items = _checked_list(value, output.type, output.label)
            roots.extend(item for item in items if item is not None)
            stored = tuple(None if item is None else _stored(item, task.blob) for item in items)
            # Never in a file: who brings data-blocks home, or gathers them, looks for their names here.
            values[output.identifier] = TypedValue(output.type, stored if output.type.is_list else stored[0])
            continue
        content: object = None
        if value is not None:
            plain = arguments.wire_value(value, output.type, output.label)
            content = tuple(plain) if output.type.is_list else plain
        name = f"{Path(task.blob).stem}.{len(values)}.value"
        values[output.identifier] = _in_file_if_large(TypedValue(output.type, content), name, folder, output.label)
    if roots:
        _check_rendered(roots, rendered)
        _write(roots, task.blob, inputs, folder, shares_parts=task.script.is_without_main)
    return values


def _in_file_if_large(value: TypedValue, name: str, folder: ScratchFolder, label: str) -> TypedValue:
    """Raises ArgumentError, or UnwrittenError; both name the socket."""
    try:
        return value_files.stored(value, name, folder)
    except StoreError as error:
        cls = UnwrittenError if isinstance(error, UnwrittenError) else arguments.ArgumentError
        raise cls(f'socket "{label}": {error}') from None


def _rendered_images() -> Iterator[bpy.types.Image]:
    return (image for image in bpy.data.images if image.type == "RENDER_RESULT")


def _check_rendered(roots: list[bpy.types.ID], before: set[int]) -> None:
    """Raise ScriptError if what comes home uses a picture that this process alone has."""
    made = {image for image in _rendered_images() if image.session_uid not in before}
    if made and not made.isdisjoint(used_by(roots)):
        fix = "Save it, image.save_render(path), and use the image of that file"
        raise ScriptError(f"what the script gave uses the Render Result, whose pixels no file holds. {fix}")


def _fields(result: Any, outputs: Sequence[TaskOutput]) -> list[Any]:
    if isinstance(result, tuple) and hasattr(result, "_fields"):  # asking a removed data-block for anything raises
        missing = [output.identifier for output in outputs if not hasattr(result, output.identifier)]
        if missing:
            raise arguments.ArgumentError(f"main returned a tuple without {', '.join(missing)}")
        return [_listed(getattr(result, output.identifier), output) for output in outputs]
    if len(outputs) == 1:
        return [_listed(result, outputs[0])]
    if outputs:
        raise arguments.ArgumentError(f"main returned {type(result).__name__}, not the NamedTuple it promised")
    return []


def _listed(value: Any, output: TaskOutput) -> Any:
    """What a generator yields for a list is made while the script runs."""
    return list(value) if output.type.is_list and isinstance(value, Iterator) else value


def _checked_list(value: Any, socket_type: SocketType, label: str) -> list[bpy.types.ID | None]:
    if not socket_type.is_list:
        return [None if value is None else arguments.checked_data_block(value, socket_type.kind, label)]
    if isinstance(value, bpy.types.ID) or not isinstance(value, Iterable):
        raise arguments.ArgumentError(f'socket "{label}": {value!r} is no list')
    return [arguments.checked_data_block(item, socket_type.kind, label) for item in value]


def _write(
    roots: list[bpy.types.ID], blob: str, inputs: Inputs, folder: ScratchFolder, *, shares_parts: bool = False
) -> None:
    """Write a blob of results. If the task works on a whole file, no reference to a data-block is good afterwards."""
    changes = inputs.provenance.changes(roots, blob, shares_parts=shares_parts)
    contents = changes.contents
    images = [image for image in bpy.data.images if data_block_kinds.name_of(image) in contents.origins]
    pixels.pack_unsaved(images)
    pixels.pack_temporary(images)
    if len(roots) > 1:
        contents.uses = _uses_by_name()
    path = folder.file(blob)
    blobs.write(path, roots, contents)
    if changes.in_blobs:
        changes.compare_blobs(folder, path)
        contents.save(path)
    if changes.candidates:
        with whole_file.no_handlers(), artist_folder.same_path():
            changes.compare(inputs.reopen)
        contents.save(path)
    _check_lost(changes.lost)


def _uses_by_name() -> dict[DataBlockName, tuple[DataBlockName, ...]]:
    """What each data-block of this file uses itself, but what is linked. Shape keys are part of what has them."""
    here = (item for _kind, item in data_block_kinds.all_data_blocks() if item.library is None)
    names = {item: data_block_kinds.name_of(item) for item in here}
    names |= {keys: names[keys.user] for keys in bpy.data.shape_keys if keys.user in names}
    found: dict[DataBlockName, set[DataBlockName]] = {}
    for user, used in uses({*names}).items():
        if user in names:
            found.setdefault(names[user], set()).update(names[item] for item in used)
    return {name: tuple(used - {name}) for name, used in found.items()}


def _check_lost(lost: Sequence[DataBlockName]) -> None:
    """Raise ScriptError if the script changed what is linked from another file."""
    for name in sorted(lost)[:1]:
        fix = "Make it local first, item.make_local(), or change a copy, item.copy()"
        what = f'{name.kind} "{name.name}", which is linked from {PurePath(name.library).name}'
        raise ScriptError(f"the script changed {what}: such a change is in no file, so it would be lost. {fix}")


def _stored(data_block: bpy.types.ID, blob: str) -> StoredRef:
    return StoredRef(*data_block_kinds.name_of(data_block), blob)


# Errors


def _ended(outcome: Failed, task: Execute, folder: ScratchFolder) -> Failed:
    """The outcome, of whose results no part is left: nobody will ask for it, and the disk may be full of it."""
    remove_files([folder.file(task.blob)])
    return outcome


def _failed(error: BaseException, filename: str) -> Failed:
    return Failed(_message(error), _script_traceback(error, filename), _line_in(error, filename))


def _message(error: BaseException) -> str:
    if isinstance(error, SystemExit):
        return f"the script called sys.exit({'' if error.code is None else _safe_repr(error.code)})"
    described = traceback.TracebackException.from_exception(error)
    described.__notes__ = None  # they are in the traceback
    message = "".join(list(described.format_exception_only())[-1:]).strip() or type(error).__name__
    if type(error) is EOFError:
        message += " (a background Blender has no console to read from)"
    return _shortened(message, _MAX_MESSAGE)


def _safe_repr(value: Any) -> str:
    try:
        return repr(value)
    except BaseException:
        return f"<{type(value).__name__}>"


def _shortened(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length // 2]}\n[...]\n{text[-length // 2 :]}"


def _script_traceback(error: BaseException, filename: str) -> str:
    """The traceback from the script's first frame on: the frames of Background Nodes above it help no artist."""
    described = traceback.TracebackException.from_exception(error)
    for part in _chain(described):
        inside = [index for index, frame in enumerate(part.stack) if frame.filename == filename]
        if inside:
            part.stack = traceback.StackSummary.from_list(part.stack[inside[0] :])
    return _shortened("".join(described.format()), _MAX_TRACEBACK)


def _chain(described: traceback.TracebackException) -> Iterator[traceback.TracebackException]:
    """An exception with those that caused it."""
    part: traceback.TracebackException | None = described
    while part is not None:
        yield part
        part = part.__cause__ or part.__context__


def _line_in(error: BaseException, filename: str) -> int | None:
    """The line of the script at fault: the innermost one."""
    if isinstance(error, SyntaxError) and error.filename == filename:
        return error.lineno
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == filename]
    return lines[-1] if lines else None
