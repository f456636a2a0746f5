# SPDX-License-Identifier: GPL-3.0-or-later
"""Run another program: a converter, an optimizer, a checker. You are asked before a command runs for the first time.

No shell reads the command, so spaces, quotes and signs in it mean nothing. It runs each time, as nobody knows what a
program depends on. What takes its results runs only if these are others than before.
"""

import re
import shutil
import sys
import tempfile
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, NamedTuple

from background_nodes.script import (
    OutputPath,
    Range,
    Time,
    log,
    output_folder,
    own_file,
    progress,
    run_program,
    written_whole,
)

CACHE = False
#: How many lines are given at most, and how many of the last ones an error tells.
MOST_LINES, TOLD_LINES = 10_000, 10
#: What stands for a file in an argument.
FIELD = re.compile(r"\{(source|output)\}")


class Output(NamedTuple):
    """What the node gives.

    Attributes:
        file: The file that it wrote: that of Output; None if there is none.
        text: What it printed.
        exit_code: Its exit code. 0 mostly means that all went well.
    """

    file: Path | None
    text: str
    exit_code: int


def main(
    program: str,
    arguments: list[str] | None = None,
    source: Path | None = None,
    output: OutputPath | None = None,
    folder: Path | None = None,
    progress_pattern: str = r"(\d+(?:\.\d+)?) ?%",
    progress_total: Annotated[float, Range(0.0)] = 100.0,
    time_limit: Annotated[Time, Range(0.0)] = 0.0,
    fail: bool = True,
) -> Output:
    r"""Run `program`.

    Args:
        program: Its name, if the system finds it by that, or its path.
        arguments: What it is told, one each. {source} and {output} stand for the paths of Source and Output.
        source: A file that it reads. A list of files runs it for each.
        output: A file that it writes. It has to be there at the end, and only then replaces one that is there.
        folder: The folder that it works in. Empty for one of its own.
        progress_pattern: A regular expression for the lines that tell how far it is: its first group is a number, and
            its second, if there is one, how many there are in all, as in frame (\d+) of (\d+).
        progress_total: How large that number is at the end, if there is no second group.
        time_limit: How long it may take; then it is ended with all that it has started. 0 is as long as it likes.
        fail: Make it an error if the exit code is not 0, or Output is not written.
    """
    whole, pattern = found(program), compiled(progress_pattern)
    check_files(source, folder)
    lines: deque[str] = deque(maxlen=MOST_LINES)

    def hear(line: str) -> None:
        lines.append(line)
        log(line)
        if pattern and (match := pattern.search(line)):
            show(match, progress_total)

    def run(written: Path | None) -> int:
        files = {"source": source, "output": written}
        command = [whole, *(filled(each, files) for each in arguments or ())]
        progress(0.0, program)
        log(*command)
        code = started(command, folder or output_folder(), time_limit, hear)
        if code and fail:
            raise ValueError(failure(program, code, lines))
        return code

    if output is None:
        code, file = run(None), None
    else:
        path = own_file(lambda item: item["output"], output=output)
        code, file = written(path, run)
        if file is None and fail:
            raise ValueError(f"{program} has not written {path.name}; tell it to with {{output}} among the arguments")
    return Output(file, "\n".join(lines), code)


# What is run


def check_files(source: Path | None, folder: Path | None) -> None:
    if folder is not None and not folder.is_dir():
        raise ValueError(f"There is no folder {folder}; choose one that is there")
    if source is not None and not source.exists():
        raise ValueError(f"There is no file {source}; choose one that is there")


def found(program: str) -> str:
    """The whole path of a program. Raises ValueError if it is not there, or if a shell would read its arguments."""
    if not program.strip():
        raise ValueError("Program is empty; write the name of a program, or its path")
    whole = shutil.which(program)
    if whole is None:
        raise ValueError(f"There is no program {program}; install it, or write its whole path")
    if sys.platform == "win32" and Path(whole).suffix.lower() in (".bat", ".cmd"):
        raise ValueError(f"{program} is a batch file, whose arguments a shell reads; choose the program that it runs")
    return str(Path(whole).absolute())


def filled(argument: str, files: dict[str, Path | None]) -> str:
    def path_of(match: re.Match) -> str:
        path = files[match[1]]
        if path is None:
            raise ValueError(f"An argument has {match[0]}, and {match[1].title()} is empty; choose a file there")
        return str(path)

    return FIELD.sub(path_of, argument)


def started(command: list[str], folder: Path, time_limit: float, hear: Callable[[str], None]) -> int:
    try:
        return run_program(command, folder=folder, seconds=time_limit, on_line=hear)
    except TimeoutError:
        limit = f"{time_limit:g} s"
        raise ValueError(f"{command[0]} took longer than {limit} and was ended; raise Time Limit") from None
    except OSError as error:
        raise ValueError(f"{command[0]} can't be started ({error.strerror}); choose another program") from None


def written(path: Path, run: Callable[[Path], int]) -> tuple[int, Path | None]:
    """Let a command write a file, with what it writes beside that; its exit code, and the file, None without it."""
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / path.name
        code = run(made)
        if not made.is_file() or not made.stat().st_size:
            return code, None
        with written_whole(path) as beside:
            for each in Path(folder).iterdir():
                shutil.move(each, beside.parent / each.name)
    return code, path


# What it says


def compiled(pattern: str) -> re.Pattern | None:
    try:
        made = re.compile(pattern) if pattern else None
    except re.error as error:
        raise ValueError(f"Progress Pattern is no regular expression: {error}; mend it") from None
    if made is not None and not made.groups:
        raise ValueError(f"Progress Pattern {pattern} has no group; put the number in brackets, as in (\\d+)%")
    return made


def show(match: re.Match, total: float) -> None:
    try:
        done, *rest = (float(number) for number in match.groups()[:2] if number is not None)
    except ValueError:  # it is no number after all
        return
    whole = rest[0] if rest else total
    progress(done / whole if whole else 0.0, match[0].strip())


def failure(program: str, code: int, lines: deque) -> str:
    how = f"exit code {code}" if code > 0 else f"signal {-code}"
    told = "\n".join(list(lines)[-TOLD_LINES:])
    return f"{program} failed ({how}); it said:\n{told}" if told else f"{program} failed ({how}) and said nothing"
