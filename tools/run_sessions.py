"""Run the sessions of noxfile.py side by side, and print what each one said when it has ended.

    .venv/dev/bin/python tools/run_sessions.py

Those that use a real Blender wait for the first session, which makes it. Exit 1 where a session failed.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from pathlib import Path

OUTPUTS = Path(__file__).resolve().parents[1] / "build" / "reports"
NOX = (sys.executable, "-m", "nox")
#: How many run at a time: more than processors, for in most tests one process waits for another.
NUM_AT_A_TIME = 5
#: The tag, in noxfile.py, of the sessions that wait for the first one.
WAITS = "real_blender"


def sessions() -> dict[str, bool]:
    """Return the names of the sessions that run by default, in the order of noxfile.py, and whether each waits."""
    listed = subprocess.run([*NOX, "--list", "--json"], check=True, capture_output=True, text=True).stdout
    return {session["session"]: WAITS in session["tags"] for session in json.loads(listed)}


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


def run_all(names: dict[str, bool], run: Callable[[str], bool] = run) -> Iterator[tuple[str, bool]]:
    """Run sessions, and yield each with whether it succeeded when it has ended.

    Args:
        names: whether each one waits for the end of the first. Of those that don't, the first in here starts first.
        run: carries one out.
    """
    waiting, running = list(names), {}
    first = waiting[0]
    is_made = False
    with ThreadPoolExecutor(NUM_AT_A_TIME) as threads:
        try:
            while waiting or running:
                ready = [name for name in waiting if is_made or not names[name]][: NUM_AT_A_TIME - len(running)]
                running |= {threads.submit(run, name): name for name in ready}
                waiting = [name for name in waiting if name not in ready]
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    name = running.pop(future)
                    is_made = is_made or name == first
                    yield name, future.result()
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
