# SPDX-License-Identifier: GPL-3.0-or-later
"""Two kinds of modules: installed ones, which a worker keeps, and those that a script brought, which it forgets.

Installed is what Python finds directly in one of the folders that were in `sys.path` from the start. Extension modules
can't be imported twice, and large packages should not be. All else is the scripts' own: it may change from task to
task, so it is read from its source each time. What Python compiled of it earlier may be older by less than a second.

Where an installed module changes after all (a studio's own, a package that was upgraded), the worker has to end.
"""

from __future__ import annotations

import contextlib
import importlib.machinery
import sys
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ...keys.files import Stamp, stamp_of

#: Folders of installed packages. A script that lies in one is not the owner of what lies beside it.
_PACKAGE_FOLDERS = ("site-packages", "dist-packages")


class _SourceLoader(importlib.machinery.SourceFileLoader):
    """Reads a module from its source, never from what was compiled earlier."""

    def path_stats(self, _path: str) -> Any:
        raise OSError


class Importer:
    """The first of the finders in `sys.meta_path`.

    Args:
        importing: the context in which an installed module is imported, with all that it imports.
    """

    def __init__(self, importing: Callable[[], contextlib.AbstractContextManager[None]]) -> None:
        self._installed = frozenset(Path(path).resolve() for path in sys.path if path)
        self._importing = importing
        self._own_folder: Path | None = None
        self._own: set[str] = set()  # top-level modules of scripts
        self._first = frozenset(name.partition(".")[0] for name in sys.modules)
        self._late: set[str] = set()  # installed top-level modules that a new worker has not imported
        self._stamps: dict[str, Stamp] = {}  # the files of installed modules, as they were before they were imported
        self._depth = 0

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> importlib.machinery.ModuleSpec | None:
        for finder in sys.meta_path:
            find = None if finder is self else getattr(finder, "find_spec", None)
            if find is not None and (spec := find(name, path, target)) is not None:
                return self._prepared(spec)
        return None

    def invalidate_caches(self) -> None:
        """The other finders have some."""

    def enter_folder(self, folder: str) -> None:
        """A script of that folder is about to be executed: what lies there comes before what earlier ones imported."""
        self._own_folder = Path(folder).resolve()
        for name in self._late:
            if any(Path(folder, place).exists() for place in (f"{name}.py", f"{name}/__init__.py")):
                for found in [found for found in sys.modules if f"{found}.".startswith(f"{name}.")]:
                    del sys.modules[found]

    def is_outdated(self) -> bool:
        """Whether the file of an installed module is another one than was imported."""
        return any(stamp_of(path) != known for path, known in self._stamps.items())

    def leave_folder(self) -> None:
        """The script has ended."""
        self._own_folder = None
        self._own.clear()

    def is_installed(self, module: types.ModuleType) -> bool:
        if module.__name__.startswith(("_cython_", "cython_runtime")):  # Cython makes them, for what it compiled
            return True
        spec = getattr(module, "__spec__", None)
        return isinstance(spec, importlib.machinery.ModuleSpec) and self._is_installed(spec)

    def _is_installed(self, spec: importlib.machinery.ModuleSpec) -> bool:
        top, _dot, rest = spec.name.partition(".")
        if top in self._own:
            return False
        if rest:
            parent = sys.modules.get(top)
            spec = getattr(parent, "__spec__", None) or spec
        if spec.origin in {"built-in", "frozen"}:
            return True
        places = list(spec.submodule_search_locations or ())[:1] or ([spec.origin] if spec.origin else [])
        return any(self._is_folder_of_installed(Path(place).parent, spec.loader) for place in places)

    def _is_folder_of_installed(self, folder: Path, loader: object) -> bool:
        folder = folder.resolve()
        if folder not in self._installed:
            return False
        is_beside_script = folder == self._own_folder and folder.name not in _PACKAGE_FOLDERS
        return not is_beside_script or isinstance(loader, importlib.machinery.ExtensionFileLoader)

    def _prepared(self, spec: importlib.machinery.ModuleSpec) -> importlib.machinery.ModuleSpec:
        """Let the import of an installed module be seen, and that of a script's own read the source."""
        top = spec.name.partition(".")[0]
        if self._is_installed(spec):
            if top not in self._first:
                self._late.add(top)
                if spec.has_location and spec.origin and (found := stamp_of(spec.origin)):
                    self._stamps.setdefault(spec.origin, found)
            if not isinstance(spec.loader, type | None):  # of built-in modules it is a class
                self._watch(spec.loader)
            return spec
        self._own.add(top)
        if type(spec.loader) is importlib.machinery.SourceFileLoader:
            spec.loader = _SourceLoader(spec.loader.name, spec.loader.path)
        return spec

    def _watch(self, loader: Any) -> None:
        """Import what this loader loads within the context, unless that is part of an import that is."""
        with contextlib.suppress(AttributeError):  # another finder's loader, which takes no attributes
            loader.exec_module = self._watched(loader, loader.exec_module)

    def _watched(self, loader: Any, execute: Callable[[types.ModuleType], None]) -> Callable[[types.ModuleType], None]:
        def exec_module(module: types.ModuleType) -> None:
            with contextlib.suppress(AttributeError):
                del loader.exec_module
            with self._outermost():
                execute(module)

        return exec_module

    @contextlib.contextmanager
    def _outermost(self) -> Iterator[None]:
        context = contextlib.nullcontext() if self._depth else self._importing()
        self._depth += 1
        try:
            with context:
                yield
        finally:
            self._depth -= 1


def enter_folder(folder: str) -> None:
    """See `Importer.enter_folder`."""
    for finder in sys.meta_path:
        if isinstance(finder, Importer):
            finder.enter_folder(folder)
