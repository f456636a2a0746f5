# SPDX-License-Identifier: GPL-3.0-or-later
"""Python's state in a worker in which nothing ran yet, to be restored.

What a script brought is forgotten, what it changed is put back. To see whether anything still refers to the script, an
object is put into its globals: if that lives on, so does a callback or a patched class somewhere.
"""

from __future__ import annotations

import _thread
import builtins
import codecs
import contextlib
import gc
import importlib
import linecache
import os
import random
import sys
import types
import typing
import warnings
import weakref
from collections.abc import Iterable, Iterator, Mapping
from itertools import filterfalse
from pathlib import Path
from typing import Any

from .imports import Importer
from .object_state import ObjectState
from .process_settings import ProcessSettings

#: Loaded before the first task, as most scripts need one of them.
_COMMON_MODULES = ("bmesh", "json", "mathutils.noise", "numpy", "numpy.random")

_TRACE = "__background_nodes_trace__"

#: Python's class for the folders of a package without a file of its own.
_NAMESPACE_PATH = importlib.import_module("importlib._bootstrap_external")._NamespacePath


class _Trace:
    """Lives as long as the globals it was laid in."""


class PythonState:
    """The state of the interpreter when this was made.

    Args:
        roots: objects of Blender's that hold something; what Python's modules hold is found.
        left_alone: objects that others put back.
    """

    def __init__(self, roots: Iterable[object], left_alone: Iterable[object]) -> None:
        for name in _COMMON_MODULES:
            importlib.import_module(name)
        # A helper beside a script is read anew each time, and its folder is the artist's.
        sys.dont_write_bytecode = True
        codecs.lookup("ascii")  # in which the system's figures are read: else each task would bring it
        linecache.clearcache()  # as after each task
        self._builtins = dict(vars(builtins))
        self._settings = ProcessSettings()
        self._filters = list(warnings.filters)
        self._num_threads = _num_threads()
        self._num_descriptors, self._num_files = _num_descriptors(), _num_files()
        numpy = sys.modules["numpy"]
        self._numpy = numpy.get_printoptions(), numpy.geterr()
        self._importer = Importer(self._importing)
        sys.meta_path.insert(0, self._importer)
        self._modules = dict(sys.modules)
        self._newcomers: list[str] = []  # the installed modules that were imported since the last restore
        self._objects = ObjectState(
            [*self._modules.values(), *_codec_registries(), *roots], [self._importer, *left_alone]
        )
        self._foundations = _foundations()
        self._objects.watch(_namespaces(self._foundations))
        self._traces: list[weakref.ref[_Trace]] = []

    def restore_foundations(self) -> None:
        """Let what this extension is built on be as it was: functions, classes and constants that a script replaced.

        It is called when a script ends, before its results are written, and takes 0.3 ms. The rest is put back later.
        """
        vars(builtins).update(self._builtins)
        for name, module in self._foundations.items():
            if sys.modules.get(name) is not module:
                sys.modules[name] = module
        if self._objects.has_watched_changed():
            self._objects.restore_watched()
            self._keep_newcomers()

    def unclean(self) -> str:
        """Why this can't be restored, "" if it can. Call it when Python's functions are its own again."""
        if _num_threads() > self._num_threads:
            return "its script left a thread running"
        if _has_children():
            return "its script left a process running"
        return ""

    def is_outdated(self) -> bool:
        """Whether an installed module has changed since it was imported: nothing is imported twice."""
        return self._importer.is_outdated()

    def restore(self) -> str:
        """Restore it.

        Returns:
            "" or what can't be put back.
        """
        vars(builtins).update(self._builtins)  # first of all: what follows is made of them
        self._restore_modules()
        reason = self._objects.restore()
        self._importer.leave_folder()
        reason = reason or self._settings.restore()
        self._restore_caches()
        self._restore_random()
        return f"its script changed {reason} for good" if reason else ""

    def forget_script(self, module: str) -> None:
        """Forget the module of a script that changed nothing."""
        sys.modules.pop(module, None)
        linecache.clearcache()
        _forget_generic_types()

    def remains(self) -> str:
        """What is left nevertheless, "" if nothing is. Call it last, when Blender is clean as well."""
        gc.collect()
        if any(trace() is not None for trace in self._traces):
            return "something still holds on to its script"
        self._traces.clear()
        if _num_descriptors() > self._num_descriptors and _num_files() > self._num_files:
            return "its script left a file open"
        return ""

    @contextlib.contextmanager
    def _importing(self) -> Iterator[None]:
        """An installed module is being imported, and stays."""
        with self._objects.importing(self._keep_installed):
            yield

    def _keep_installed(self) -> list[types.ModuleType]:
        """Keep the installed modules that were imported since the last look, and return them."""
        found = []
        for name, module in self._strangers():
            if isinstance(module, types.ModuleType) and self._importer.is_installed(module):
                self._modules[name] = module
                self._newcomers.append(name)
                found.append(module)
        return found

    def _strangers(self) -> list[tuple[str, Any]]:
        """The modules that are there and are not to stay, by their names."""
        now = dict(sys.modules)
        return [(name, now[name]) for name in filterfalse(self._modules.__contains__, now)]

    def _keep_newcomers(self) -> None:
        """Keep the installed modules that were imported since the last look, and where they can be found."""
        self._objects.include(self._keep_installed())
        for name in self._newcomers:  # Python makes a submodule an attribute of its package after its import
            package, _dot, part = name.rpartition(".")
            if package in self._modules:
                attributes = vars(self._modules[package])
                attributes.setdefault(part, self._modules[name])
                self._objects.keep(attributes, part)
        self._newcomers.clear()

    def _restore_modules(self) -> None:
        """Forget the modules that scripts brought: their own files may change, their globals must not last.

        What belongs to Python or Blender stays, as extension modules can't be imported twice.
        """
        self._keep_newcomers()
        for _name, module in self._strangers():
            if isinstance(module, types.ModuleType):
                self._lay_trace(module)
        if dict(sys.modules) != self._modules:
            sys.modules.clear()
            sys.modules.update(self._modules)

    def _lay_trace(self, module: types.ModuleType) -> None:
        trace = _Trace()
        vars(module)[_TRACE] = trace
        self._traces.append(weakref.ref(trace))

    def _restore_caches(self) -> None:
        if warnings.filters != self._filters:
            warnings.resetwarnings()
            warnings.filters[:] = self._filters
        linecache.clearcache()
        importlib.invalidate_caches()
        self._objects.keep(_NAMESPACE_PATH, "_epoch")  # Python has counted that
        _forget_generic_types()

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


def _foundations() -> dict[str, types.ModuleType]:
    """The modules that this extension's own import, and those that these import."""
    package = __name__.partition(".")[0]
    ours = {name for name in sys.modules if f"{name}.".startswith(f"{package}.")}
    near = _imported_by(ours)
    return {name: sys.modules[name] for name in (near | _imported_by(near)) - ours}


def _imported_by(names: Iterable[str]) -> set[str]:
    found = set()
    for name in names:
        for value in vars(sys.modules[name]).values():
            origin = value.__name__ if isinstance(value, types.ModuleType) else getattr(value, "__module__", None)
            if isinstance(origin, str) and isinstance(sys.modules.get(origin), types.ModuleType):
                found.add(origin)
    return found


def _namespaces(modules: Mapping[str, types.ModuleType]) -> Iterator[object]:
    """The dicts of modules, and the classes in them."""
    for module in modules.values():
        yield vars(module)
        yield from (value for value in vars(module).values() if isinstance(value, type))


def _codec_registries() -> Iterator[Any]:
    """What Python keeps of codecs and their error handlers, which no module holds, by what is surely in it."""
    search = importlib.import_module("encodings").search_function
    for entry, kind in ((codecs.lookup_error("strict"), dict), (codecs.lookup("utf-8"), dict), (search, list)):
        yield from (found for found in gc.get_referrers(entry) if type(found) is kind and "__name__" not in found)


def _forget_generic_types() -> None:
    for clear in getattr(typing, "_cleanups", ()):  # their caches hold the classes they were made with
        clear()


def _num_threads() -> int:
    """The threads that Python started; C code has its own, as Cycles does."""
    return _thread._count()


def _has_children() -> bool:
    """Whether this process started others that still run. Those that have ended are forgotten."""
    if not hasattr(os, "WNOHANG"):
        return False
    with contextlib.suppress(ChildProcessError):  # there are none
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
        return True
    return False


def _num_descriptors() -> int:
    """How many files, devices, pipes this process has open; 0 where the system does not tell."""
    try:
        with os.scandir("/proc/self/fd") as entries:
            return sum(1 for _entry in entries)
    except OSError:
        return 0


def _num_files() -> int:
    """How many of them are files."""
    found = 0
    with contextlib.suppress(OSError):
        for entry in Path("/proc/self/fd").iterdir():
            with contextlib.suppress(OSError):  # that of the folder itself is closed again
                target = str(entry.readlink())
                found += target.startswith("/") and not target.startswith(("/dev/", "/proc/", "/memfd:"))
    return found
