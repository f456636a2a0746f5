"""Sum up all pytest runs of `make test`, on one last line, and tell which files of tests took longest.

    python tools/total.py build/reports       reads the JUnit files there, and what the sessions left out

Exit 1 where a test failed or a run didn't come to its end.
"""

import re
import sys
import xml.etree.ElementTree as ElementTree
from collections import defaultdict
from itertools import islice
from pathlib import Path

#: Of how many files the time is told, of each run.
NUM_SLOWEST = 6
#: In what a session said: a test that failed, a process that crashed, and where in which test.
FAULT = re.compile(
    r"^(FAILED|ERROR) tests/|Fatal Python error|^\s+File .*[/\\]tests[/\\].*, line \d+ in |^nox > Command .* failed"
)
NUM_FAULTS, LONGEST_FAULT = 12, 300


def count(cases: list[ElementTree.Element]) -> tuple[int, int, int]:
    """Return how many tests passed, failed and were skipped in one run."""
    failed = sum(case.find("failure") is not None or case.find("error") is not None for case in cases)
    skipped = sum(case.find("skipped") is not None for case in cases)
    return len(cases) - failed - skipped, failed, skipped


def seconds_of_files(cases: list[ElementTree.Element]) -> dict[str, float]:
    """Return the seconds that the tests of each file took in one run, the slowest first."""
    seconds: dict[str, float] = defaultdict(float)
    for case in cases:
        seconds[case.get("classname", "")] += float(case.get("time", 0.0))
    return dict(sorted(seconds.items(), key=lambda item: -item[1]))


def faults(output: Path) -> list[str]:
    """Return the last lines in what a session said that tell what failed, or where it crashed."""
    lines = output.read_text(encoding="utf-8", errors="replace").splitlines()
    return [line[:LONGEST_FAULT] for line in lines if FAULT.search(line)][-NUM_FAULTS:]


def main(folder: Path) -> int:
    """Print the slowest files of each run, what failed, then a line for each run, what was left out, and the total."""
    reports = sorted(folder.glob("*.xml"), key=lambda path: path.stat().st_mtime)
    runs = {report.stem: list(ElementTree.parse(report).iter("testcase")) for report in reports}
    for name, cases in runs.items():
        seconds = seconds_of_files(cases)
        slowest = ", ".join(f"{file} {time:.0f} s" for file, time in islice(seconds.items(), NUM_SLOWEST))
        print(f"{name}: {sum(seconds.values()) / 60:.1f} minutes; {slowest}")
    for output in sorted(folder.glob("*.txt")):
        for line in faults(output):
            print(f"{output.stem}: {line}")
    totals = [0, 0, 0]
    for name, cases in runs.items():
        counts = count(cases)
        totals = [total + number for total, number in zip(totals, counts, strict=True)]
        print("{:<24} {:>5} passed {:>4} failed {:>4} skipped".format(name, *counts))
    left_out = folder / "left_out.txt"
    if left_out.exists():
        print(left_out.read_text(encoding="utf-8"), end="")
    print("total: {} passed, {} failed, {} skipped".format(*totals))
    return 1 if totals[1] or not totals[0] else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
