"""make test: unit tests, then nbval strict over the chapters; the last line counts."""
import os
import re
import subprocess
import sys
import time

from tests.tools import notebooks as nbs

COUNTS = re.compile(r"(\d+) (passed|failed|errors?|skipped|xfailed|xpassed)")
NBVAL = ["--nbval", "--nbval-current-env", "--nbval-cell-timeout=120", "--dist=loadfile"]


def pytest(*args, env=None) -> tuple[int, dict]:
    """Run pytest, show its output, return (exit code, counts of its last line)."""
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *args]
    run = subprocess.Popen(command, cwd=nbs.ROOT, env={**os.environ, **(env or {})},
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    last = ""
    for line in run.stdout:
        print(line, end="", flush=True)
        last = line if COUNTS.search(line) else last
    counts = {}
    for number, what in COUNTS.findall(last):
        counts[what.rstrip("s") if what.startswith("error") else what] = int(number)
    return run.wait(), counts


def main() -> int:
    """Run both parts; exit code 0 only if nothing failed and something passed."""
    jobs = sys.argv[sys.argv.index("--jobs") + 1] if "--jobs" in sys.argv else "2"
    began, total, bad = time.time(), {}, 0
    books = [str(p) for p in nbs.notebooks()]
    threads = {"OMP_NUM_THREADS": "1"} if len(books) > 1 else {}
    spread = ["-n", jobs] if len(books) > 1 else []
    # two torch processes with two threads each on two cores would crawl
    units = (["tests", "-n", jobs, "--dist=loadfile"], {"OMP_NUM_THREADS": "1"})
    for args, env in (units, ([*NBVAL, *spread, *books], threads)):
        code, counts = pytest(*args, env=env)
        bad += code != 0
        for what, number in counts.items():
            total[what] = total.get(what, 0) + number
    failed = total.get("failed", 0) + total.get("error", 0)
    print(f"{len(books)} notebooks, {time.time() - began:.0f} s")
    failed = max(failed, bad)  # a crash without a count is a failure too
    print(f"{total.get('passed', 0)} passed, {failed} failed, {total.get('skipped', 0)} skipped")
    return int(failed > 0 or not total.get("passed"))


if __name__ == "__main__":
    sys.exit(main())
