"""Run the sessions of noxfile.py side by side, and print what each one said when it has ended.

    .venv/dev/bin/python tools/run_sessions.py

The first session runs alone: it makes what all others use. Exit 1 where a session failed.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from pathlib import Path

OUTPUTS = Path(__file__).resolve().parents[1] / "build" / "reports"
NOX = (sys.executable, "-m", "nox")
#: How many run at a time: more than processors, for in most tests one process waits for another.
NUM_AT_A_TIME = 5


def sessions() -> list[str]:
    """Return the names of the sessions that run by default, in the order of noxfile.py."""
    listed = subprocess.run([*NOX, "--list", "--json"], check=True, capture_output=True, text=True).stdout
    return [session["session"] for session in json.loads(listed)]


def run(session: str) -> bool:
    """Run a session, with what it says in a file, and how long it took at its end; return whether it succeeded."""
    print("started:", session, flush=True)
    start = time.monotonic()
    with output_of(session).open("ab") as output:
        output.truncate(0)
        running = subprocess.Popen([*NOX, "--session", session], stdout=output, stderr=output)
        if hasattr(os, "wait4"):  # not on Windows
            _, status, used = os.wait4(running.pid, 0)
            running.returncode = os.waitstatus_to_exitcode(status)
            processor = f", {(used.ru_utime + used.ru_stime) / 60:.1f} minutes of a processor"
        else:
            running.wait()
            processor = ""
        minutes = (time.monotonic() - start) / 60
        output.write(f"{session}: {minutes:.1f} minutes{processor}\n".encode())
    return running.returncode == 0


def output_of(session: str) -> Path:
    """Where what a session says is kept."""
    return OUTPUTS / f"{session}.txt"


def run_all(names: list[str]) -> Iterator[tuple[str, bool]]:
    """Run sessions, and yield each with whether it succeeded when it has ended."""
    first, *others = names
    yield first, run(first)
    with ThreadPoolExecutor(NUM_AT_A_TIME) as threads:
        running: dict[Future[bool], str] = {threads.submit(run, name): name for name in others}
        try:
            for future in as_completed(running):
                yield running[future], future.result()
        finally:
            threads.shutdown(cancel_futures=True)  # where somebody pressed Ctrl-C: nox has heard of that, too


def main() -> int:
    """Run them all."""
    OUTPUTS.mkdir(parents=True, exist_ok=True)
    failed = []
    for name, has_succeeded in run_all(sessions()):
        print(output_of(name).read_text(encoding="utf-8", errors="replace"), end="", flush=True)
        failed += [] if has_succeeded else [name]
    if failed:
        print("failed:", ", ".join(failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
