# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a process's state no Python object holds: settings of the system, of the interpreter, of modules in C.

Each is a pair of functions: how to read it, and how to set it to what was read. What can't be set back ends the worker.
"""

from __future__ import annotations

import _signal
import contextlib
import csv
import ctypes
import decimal
import faulthandler
import functools
import gc
import itertools
import locale
import os
import signal
import socket
import sys
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy

#: Made once: each new one looks for the library.
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


@dataclass(frozen=True, slots=True)
class _Setting:
    """What it is called in messages; how it is read; how it is set to what was read."""

    name: str
    read: Callable[[], Any]
    put: Callable[[Any], object]

    def value(self) -> Any:
        try:
            return self.read()
        except Exception as error:  # the current folder is gone, a stream is closed
            return error


class ProcessSettings:
    """The settings of this process when this was made."""

    def __init__(self) -> None:
        self._saved = [(setting, setting.value()) for setting in _settings()]

    def restore(self) -> str:
        """Put back what differs.

        Returns:
            "" or the name of what can't be put back.
        """
        for setting, saved in self._saved:
            if setting.value() != saved:
                with contextlib.suppress(Exception):
                    setting.put(saved)
                if setting.value() != saved:
                    return setting.name
        return ""


def _settings() -> Iterator[_Setting]:
    yield from _of_the_interpreter()
    yield from _of_modules()
    yield from _of_the_process()
    if sys.platform != "win32":
        yield from _of_posix()
    if sys.platform == "linux":
        yield from _of_linux()


def _of_the_interpreter() -> Iterator[_Setting]:
    depth = sys.get_coroutine_origin_tracking_depth, sys.set_coroutine_origin_tracking_depth
    yield _Setting("the recursion limit", sys.getrecursionlimit, sys.setrecursionlimit)
    yield _Setting("the switch interval", sys.getswitchinterval, sys.setswitchinterval)
    yield _Setting("the limit of digits", sys.get_int_max_str_digits, sys.set_int_max_str_digits)
    yield _Setting("async generators", sys.get_asyncgen_hooks, lambda hooks: sys.set_asyncgen_hooks(*hooks))
    yield _Setting("the tracking of coroutines", *depth)
    yield _Setting("garbage collection", gc.isenabled, lambda was: gc.enable() if was else gc.disable())
    yield _Setting("garbage collection", gc.get_threshold, lambda was: gc.set_threshold(*was))
    yield _Setting("garbage collection", gc.get_debug, gc.set_debug)
    yield _Setting("the stack size of threads", threading.stack_size, threading.stack_size)
    yield _Setting("the fault handler", faulthandler.is_enabled, lambda _off: faulthandler.disable())
    yield _Setting("the tracing of memory", tracemalloc.is_tracing, lambda _off: tracemalloc.stop())


def _of_modules() -> Iterator[_Setting]:
    yield _Setting("the timeout of sockets", socket.getdefaulttimeout, socket.setdefaulttimeout)
    yield _Setting("the field limit of CSV", csv.field_size_limit, csv.field_size_limit)
    yield _Setting("the dialects of CSV", _dialects, _put_dialects)
    # Before NumPy 2 they are of the thread, not of the context that a script runs in.
    yield _Setting("NumPy's errors", numpy.geterr, lambda was: numpy.seterr(**was))
    yield _Setting("NumPy's errors", numpy.geterrcall, numpy.seterrcall)
    for context in (decimal.DefaultContext, decimal.BasicContext, decimal.ExtendedContext):
        read, put = functools.partial(_read_decimals, context), functools.partial(_put_decimals, context)
        yield _Setting("the contexts of decimal numbers", read, put)


def _of_the_process() -> Iterator[_Setting]:
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            read, put = functools.partial(_read_stream, stream), functools.partial(_put_stream, stream)
            yield _Setting("the form of its output", read, put)
    set_locale = functools.partial(locale.setlocale, locale.LC_ALL)
    yield _Setting("the environment", _Environment().read, _Environment().put)
    yield _Setting("the current folder", os.getcwd, os.chdir)
    yield _Setting("the file mode mask", _umask, os.umask)
    yield _Setting("the locale", set_locale, set_locale)
    yield _Setting("the handlers of signals", _signal_handlers, _put_signal_handlers)


def _of_posix() -> Iterator[_Setting]:
    import resource

    for limit in sorted({getattr(resource, name) for name in dir(resource) if name.startswith("RLIMIT_")}):
        read, put = functools.partial(resource.getrlimit, limit), functools.partial(resource.setrlimit, limit)
        yield _Setting("a limit of the process", read, put)
    block = functools.partial(signal.pthread_sigmask, signal.SIG_BLOCK, ())
    yield _Setting("the blocked signals", block, functools.partial(signal.pthread_sigmask, signal.SIG_SETMASK))
    for timer in (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF):
        put_timer = functools.partial(_stop_timer, timer)
        yield _Setting("a timer of the process", functools.partial(signal.getitimer, timer), put_timer)


def _of_linux() -> Iterator[_Setting]:
    get_processors, set_processors = (
        functools.partial(os.sched_getaffinity, 0),
        functools.partial(os.sched_setaffinity, 0),
    )
    yield _Setting("the user", os.getresuid, lambda was: os.setresuid(*was))
    yield _Setting("the group", os.getresgid, lambda was: os.setresgid(*was))
    yield _Setting("the processors", get_processors, set_processors)
    yield _Setting("the scheduling", _scheduling, lambda was: os.sched_setscheduler(0, was[0], os.sched_param(was[1])))
    other = next((thread for thread in _threads() if thread != os.getpid()), None)
    if other is not None:
        priority = functools.partial(_is_priority_of, other), functools.partial(_put_priority_of, other)
        yield _Setting("the priority", *priority)


def _dialects() -> dict[str, Any]:
    return {name: csv.get_dialect(name) for name in csv.list_dialects()}


def _put_dialects(saved: dict[str, Any]) -> None:
    for name in csv.list_dialects():
        csv.unregister_dialect(name)
    for name, dialect in saved.items():
        csv.register_dialect(name, dialect)


def _read_decimals(context: decimal.Context) -> tuple[Any, ...]:
    return (
        context.prec,
        context.rounding,
        context.Emin,
        context.Emax,
        context.capitals,
        context.clamp,
        dict(context.traps),
    )


def _put_decimals(context: decimal.Context, saved: tuple[Any, ...]) -> None:
    context.prec, context.rounding, context.Emin, context.Emax, context.capitals, context.clamp, traps = saved
    context.traps.update(traps)


def _read_stream(stream: Any) -> tuple[Any, ...]:
    return stream.closed, stream.encoding, stream.errors, stream.line_buffering, stream.write_through


def _put_stream(stream: Any, saved: tuple[Any, ...]) -> None:
    _closed, encoding, errors, is_line_buffered, is_unbuffered = saved
    form = {"line_buffering": is_line_buffered, "write_through": is_unbuffered}
    stream.reconfigure(encoding=encoding, errors=errors, **form)


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current


#: In C: `signal` makes an enum of each number and each handler, which takes a quarter of a millisecond.
_handler_of = _signal.getsignal
_SIGNALS = tuple(map(int, signal.valid_signals()))


def _signal_handlers() -> list[Any]:
    return list(map(_handler_of, _SIGNALS))


def _put_signal_handlers(saved: list[Any]) -> None:
    for number, handler in zip(_SIGNALS, saved, strict=True):
        if handler is not None and _handler_of(number) is not handler:
            signal.signal(number, handler)


def _stop_timer(timer: Any, _none: Any) -> None:
    signal.setitimer(timer, 0)


def _threads() -> list[int]:
    """The threads of this process; the first has the process's number."""
    return [int(entry.name) for entry in Path("/proc/self/task").iterdir()]


def _scheduling() -> tuple[int, int]:
    return os.sched_getscheduler(0), os.sched_getparam(0).sched_priority


def _is_priority_of(thread: int) -> bool:
    """Whether this thread has the priority of another one of ours.

    The foreground changes that of all of them. A script changes its own thread's alone.
    """
    return os.getpriority(os.PRIO_PROCESS, 0) == os.getpriority(os.PRIO_PROCESS, thread)


def _put_priority_of(thread: int, _is_it: Any) -> None:
    os.setpriority(os.PRIO_PROCESS, 0, os.getpriority(os.PRIO_PROCESS, thread))


class _Environment:
    """The environment as Python has it, and as programs get it that are started: C code sets variables, too."""

    def __init__(self) -> None:
        self._python = os.environ  # a script may put another one in its place

    def read(self) -> tuple[dict[Any, Any], set[bytes]]:
        # As Python keeps them, without decoding each.
        return dict(getattr(self._python, "_data", self._python)), _variables_of_c()

    def put(self, saved: tuple[dict[Any, Any], set[bytes]]) -> None:
        timezone = self._python.get("TZ")
        in_python = {os.fsdecode(name): os.fsdecode(value) for name, value in saved[0].items()}
        in_c = _by_name(saved[1])
        for name in [name for name in self._python if name not in in_python]:
            del self._python[name]
        self._python.update(in_python)
        for variable in [variable for variable in _by_name(_variables_of_c()) if variable not in in_c]:
            os.unsetenv(variable)
        for variable, value in in_c.items():
            os.putenv(variable, value)
        if timezone != self._python.get("TZ") and hasattr(time, "tzset"):
            time.tzset()


def _variables_of_c() -> set[bytes]:
    """What the C library takes for the environment, NAME=VALUE; nothing where we don't know where it has it."""
    if sys.platform != "linux":
        return set()
    entries = ctypes.POINTER(ctypes.c_char_p).in_dll(_LIBC, "environ")
    if not entries:
        return set()
    return set(iter(map(entries.__getitem__, itertools.count()).__next__, None))  # the last one is None


def _by_name(variables: Iterable[bytes]) -> dict[bytes, bytes]:
    found = {}
    for each in variables:
        name, _equals, value = each.partition(b"=")
        found[name] = value
    return found
