"""Sum up all pytest runs of `make test`, on one last line, and tell which files of tests took longest.

    python tools/total.py build/reports       reads the JUnit files there, and what the sessions left out

Exit 1 where a test failed or a run didn't come to its end.
"""

import sys
import xml.etree.ElementTree as ElementTree
from collections import defaultdict
from itertools import islice
from pathlib import Path

#: Of how many files the time is told, of each run.
NUM_SLOWEST = 6


def count(report: Path) -> tuple[int, int, int]:
    """Return how many tests passed, failed and were skipped in one run."""
    cases = list(ElementTree.parse(report).iter("testcase"))
    failed = sum(case.find("failure") is not None or case.find("error") is not None for case in cases)
    skipped = sum(case.find("skipped") is not None for case in cases)
    return len(cases) - failed - skipped, failed, skipped


def seconds_of_files(report: Path) -> dict[str, float]:
    """Return the seconds that the tests of each file took in one run, the slowest first."""
    seconds: dict[str, float] = defaultdict(float)
    for case in ElementTree.parse(report).iter("testcase"):
        seconds[case.get("classname", "")] += float(case.get("time", 0.0))
    return dict(sorted(seconds.items(), key=lambda item: -item[1]))


def main(folder: Path) -> int:
    """Print the slowest files of each run, then a line for each run, what was left out, and the total."""
    for report in folder.glob("*.xml"):
        seconds = seconds_of_files(report)
        slowest = ", ".join(f"{name} {time:.0f} s" for name, time in islice(seconds.items(), NUM_SLOWEST))
        print(f"{report.stem}: {sum(seconds.values()) / 60:.1f} minutes; {slowest}")
    totals = [0, 0, 0]
    for report in sorted(folder.glob("*.xml"), key=lambda path: path.stat().st_mtime):
        counts = count(report)
        totals = [total + number for total, number in zip(totals, counts, strict=True)]
        print("{:<24} {:>5} passed {:>4} failed {:>4} skipped".format(report.stem, *counts))
    left_out = folder / "left_out.txt"
    if left_out.exists():
        print(left_out.read_text(encoding="utf-8"), end="")
    print("total: {} passed, {} failed, {} skipped".format(*totals))
    return 1 if totals[1] or not totals[0] else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
