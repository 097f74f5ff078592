"""make test: unit tests, and nbval strict over the chapters; the last line counts.

What nbval runs are copies of the notebooks, each followed by its folded solutions.
One pytest session, two workers, long files first, so that neither worker ends up alone.
"""
import os
import re
import subprocess
import sys
import time

from tests.tools import notebooks as nbs

COUNTS = re.compile(r"(\d+) (passed|failed|errors?|skipped|xfailed|xpassed)")
NBVAL = ["--nbval", "--nbval-current-env", "--nbval-cell-timeout=120"]
LONG = ["test_chapter5_book.py", "test_training_book.py", "test_book_profile.py",
        "test_chapter3_swap.py", "test_chapter2_book.py", "test_chapter9_book.py",
        "test_chapter8_book.py", "test_cohere.py", "test_book_failures.py",
        "test_hub_clients.py", "test_machine.py", "test_hub.py"]


def targets() -> list[str]:
    """Notebooks and test files, the slowest first."""
    tests = nbs.ROOT / "tests"
    short = sorted(p.name for p in tests.glob("test_*.py") if p.name not in LONG)
    found = [nbs.with_solutions(path) for path in nbs.notebooks()]
    return [str(path) for path in [*found, *(tests / name for name in [*LONG, *short])]]


def counts(line: str) -> dict:
    """{"passed": 3, ...} of a line of pytest's summary; "error" in the singular."""
    return {w[:5] if w.startswith("error") else w: int(n) for n, w in COUNTS.findall(line)}


def main() -> int:
    """Run everything; exit code 0 only if nothing failed and something passed."""
    jobs = sys.argv[sys.argv.index("--jobs") + 1] if "--jobs" in sys.argv else "2"
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *NBVAL]
    command += ["-n", jobs, "--dist=loadfile", "--no-loadscope-reorder", *targets()]
    # two torch processes with two threads each on two cores would crawl
    env = os.environ | ({"OMP_NUM_THREADS": "1"} if jobs != "1" else {})
    began, last = time.time(), ""
    run = subprocess.Popen(command, cwd=nbs.ROOT, env=env, text=True,
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    for line in run.stdout:
        print(line, end="", flush=True)
        last = line if counts(line) else last
    found = counts(last)
    failed = found.get("failed", 0) + found.get("error", 0)
    failed = failed or int(run.wait() != 0)  # a crash without a count is a failure too
    print(f"{len(nbs.notebooks())} notebooks and the unit tests: {time.time() - began:.0f} s")
    print(f"{found.get('passed', 0)} passed, {failed} failed, {found.get('skipped', 0)} skipped")
    return int(failed > 0 or not found.get("passed"))


if __name__ == "__main__":
    sys.exit(main())
