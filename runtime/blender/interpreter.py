# SPDX-License-Identifier: GPL-3.0-or-later
"""Python's state in a worker in which nothing ran yet, to go back to.

What a script brought is forgotten, what it changed is put back. Whether anything still holds on to the script is then
seen by a trace laid in its globals: if that outlives it, a callback or a patched class somewhere does, too.
"""

from __future__ import annotations

import _thread
import contextlib
import ctypes
import gc
import importlib
import linecache
import locale
import logging
import operator
import os
import random
import signal
import sys
import time
import types
import typing
import warnings
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

#: Loaded before the first task, so that what a script does to them is seen.
_COMMON_MODULES = ("bmesh", "json", "mathutils.noise", "numpy", "numpy.random")

_TRACE = "__background_nodes_trace__"

#: State of the interpreter behind a pair of functions: how to read and how to set it.
_SETTINGS: tuple[tuple[Callable[[], Any], Callable[[Any], object]], ...] = (
    (sys.getrecursionlimit, sys.setrecursionlimit),
    (sys.getswitchinterval, sys.setswitchinterval),
    (sys.get_int_max_str_digits, sys.set_int_max_str_digits),
    (sys.get_asyncgen_hooks, lambda hooks: sys.set_asyncgen_hooks(*hooks)),
    (gc.isenabled, lambda enabled: gc.enable() if enabled else gc.disable()),
    (gc.get_threshold, lambda threshold: gc.set_threshold(*threshold)),
    (gc.get_debug, gc.set_debug),
    (os.getcwd, os.chdir),
    (lambda: locale.setlocale(locale.LC_ALL), lambda name: locale.setlocale(locale.LC_ALL, name)),
)


class _Trace:
    """Lives as long as the globals it was laid in."""


class PythonState:
    """The state of the interpreter when this was made."""

    def __init__(self) -> None:
        for name in _COMMON_MODULES:
            importlib.import_module(name)
        sys.dont_write_bytecode = (
            True  # a helper beside a script is read anew each time, and its folder is the artist's
        )
        self._installed = tuple(os.path.realpath(path) + os.sep for path in sys.path if path)
        self._settings = [read() for read, _set in _SETTINGS]
        self._umask = _umask()
        self._environment = dict(os.environ)
        self._lists = [
            (contents, list(contents))
            for contents in (sys.path, sys.argv, sys.meta_path, sys.path_hooks, logging.root.handlers)
        ]
        self._filters = list(warnings.filters)
        self._log_level = logging.root.level
        self._dicts = [(contents, dict(contents)) for contents in _global_dicts()]
        self._signals = {number: signal.getsignal(number) for number in signal.valid_signals()}
        self._num_threads = _num_threads()
        self._num_files = len(_files_for_writing())
        numpy = sys.modules["numpy"]
        self._numpy = numpy.get_printoptions(), numpy.geterr()
        self._modules = dict(sys.modules)
        self._attributes = {
            name: dict(vars(module)) for name, module in self._modules.items() if isinstance(module, types.ModuleType)
        }
        self._traces: list[weakref.ref[_Trace]] = []

    def unclean(self) -> str:
        """Why this can't be gone back to, "" if it can. To be asked first."""
        if _num_threads() > self._num_threads:
            return "its script left a thread running"
        if _has_children():
            return "its script left a process running"
        if any(not _is_usable(self._attributes["sys"][name]) for name in ("stdout", "stderr")):
            return "its script closed its output"
        return ""

    def restore(self) -> None:
        """Go back to it."""
        self._restore_modules()
        self._restore_environment()
        self._restore_settings()
        self._restore_random()
        linecache.clearcache()

    def remains(self) -> str:
        """What is left nevertheless, "" if nothing is. To be asked last, when Blender is clean as well."""
        gc.collect()
        if any(trace() is not None for trace in self._traces):
            return "something still holds on to its script"
        self._traces.clear()
        if len(_files_for_writing()) > self._num_files:
            return "its script left a file open"
        return ""

    def _restore_modules(self) -> None:
        """Forget the modules that scripts brought: their own files may change, their globals must not last.

        What belongs to Python or Blender stays, as extension modules can't be imported twice; but with the attributes
        it had.
        """
        for name, module in list(sys.modules.items()):
            if name not in self._modules:
                if isinstance(module, types.ModuleType) and self._is_installed(module):
                    self._modules[name] = module
                    self._attributes[name] = dict(vars(module))
                elif isinstance(module, types.ModuleType):
                    self._lay_trace(module)
        if dict(sys.modules) != self._modules:
            sys.modules.clear()
            sys.modules.update(self._modules)
        for name, saved in self._attributes.items():
            current = vars(self._modules[name])
            if len(current) != len(saved) or not all(map(operator.is_, current.values(), saved.values())):
                self._attributes[name] = _restore_attributes(name, current, saved)

    def _lay_trace(self, module: types.ModuleType) -> None:
        trace = _Trace()
        vars(module)[_TRACE] = trace
        self._traces.append(weakref.ref(trace))

    def _is_installed(self, module: types.ModuleType) -> bool:
        """Whether a module is built in or lies in one of the folders that were in `sys.path` from the start."""
        spec = getattr(module, "__spec__", None)
        origin = getattr(spec, "origin", None)
        if origin in {"built-in", "frozen"} or module.__name__.startswith(("_cython_", "cython_runtime")):
            return True
        file = origin or (spec and getattr(module, "__file__", None))
        if file is None and spec is not None:  # a namespace package
            file = next(iter(getattr(module, "__path__", ())), None)
        return bool(file) and os.path.realpath(file).startswith(self._installed)

    def _restore_environment(self) -> None:
        timezone = os.environ.get("TZ")
        _restore_dict(os.environ, self._environment)
        if timezone != os.environ.get("TZ") and hasattr(time, "tzset"):
            time.tzset()
        os.umask(self._umask)

    def _restore_settings(self) -> None:
        for (read, put), saved in zip(_SETTINGS, self._settings, strict=True):
            if _read(read) != saved:
                put(saved)
        for contents, entries in self._lists:
            contents[:] = entries
        for contents, pairs in self._dicts:
            _restore_dict(contents, pairs)
        if warnings.filters != self._filters:
            warnings.resetwarnings()
            warnings.filters[:] = self._filters
        logging.disable(logging.NOTSET)
        logging.root.setLevel(self._log_level)
        importlib.invalidate_caches()
        for clear in getattr(typing, "_cleanups", ()):  # caches of generic types hold the classes they were made with
            clear()
        self._restore_signals()

    def _restore_signals(self) -> None:
        for number, handler in self._signals.items():
            if handler is not None and signal.getsignal(number) is not handler:
                signal.signal(number, handler)
        if hasattr(signal, "setitimer"):
            for timer in (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF):
                signal.setitimer(timer, 0)

    def _restore_random(self) -> None:
        random.seed()
        self._modules["mathutils"].noise.seed_set(random.getrandbits(30) + 1)
        numpy = self._modules["numpy"]
        numpy.random.seed()
        print_options, error_handling = self._numpy
        if numpy.get_printoptions() != print_options:
            numpy.set_printoptions(**print_options)
        if numpy.geterr() != error_handling:
            numpy.seterr(**error_handling)


def _global_dicts() -> Iterator[dict[Any, Any]]:
    yield sys.path_importer_cache
    cache = getattr(ctypes, "_pointer_type_cache", None)  # of the scripts' own structures
    if isinstance(cache, dict):
        yield cache


def _restore_dict(current: Any, saved: dict[Any, Any]) -> None:
    for key in [key for key in current if key not in saved]:
        del current[key]
    for key, value in saved.items():
        if key not in current or (current[key] is not value and current[key] != value):
            current[key] = value


def _restore_attributes(name: str, current: dict[str, Any], saved: dict[str, Any]) -> dict[str, Any]:
    """Put a module's attributes back, and return them; submodules imported meanwhile stay."""
    for key, value in list(current.items()):
        if key not in saved and sys.modules.get(f"{name}.{key}") is not value:
            del current[key]
    for key, value in saved.items():
        if key not in current or current[key] is not value:
            current[key] = value
    return dict(current)


def _read(read: Callable[[], Any]) -> Any:
    try:
        return read()
    except OSError:  # the current folder is gone
        return None


def _is_usable(stream: Any) -> bool:
    try:
        return stream is None or not stream.closed
    except ValueError:  # its buffer was detached
        return False


def _num_threads() -> int:
    """The threads that Python started; C code has its own, as Cycles does."""
    return _thread._count()


def _has_children() -> bool:
    """Whether this process started others that still run; False where the system does not tell."""
    try:
        return any(file.read_text() for file in Path("/proc/self/task").glob("*/children"))
    except OSError:
        return False


def _files_for_writing() -> list[str]:
    """The files this process has open for writing, devices and pipes left out; none where the system does not tell."""
    try:
        entries = list(Path("/proc/self/fd").iterdir())
    except OSError:
        return []
    return [entry.name for entry in entries if int(entry.name) > 2 and _is_file_for_writing(entry.name)]


def _is_file_for_writing(number: str) -> bool:
    with contextlib.suppress(OSError):
        target = str(Path(f"/proc/self/fd/{number}").readlink())
        if target.startswith("/") and not target.startswith(("/dev/", "/proc/", "/memfd:")):
            flags = Path(f"/proc/self/fdinfo/{number}").read_text(encoding="ascii").split("flags:")[1].split()[0]
            return int(flags, 8) & os.O_ACCMODE != os.O_RDONLY
    return False


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current
