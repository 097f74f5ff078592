"""make portability [CHAPTER=4]: which compared outputs move on another CPU?

A reader's processor is not ours. Each notebook runs under every setting of GRID; every
compared cell whose text differs from the stored one is listed. Exit code 1 if any moved.
"""
import difflib
import sys

from tests.tools import notebooks as nbs

GRID = {
    "1 thread": {"OMP_NUM_THREADS": "1"},
    "2 threads": {"OMP_NUM_THREADS": "2"},
    "torch avx2": {"ATEN_CPU_CAPABILITY": "avx2"},
    "torch default": {"ATEN_CPU_CAPABILITY": "default"},
    "oneDNN avx2": {"ONEDNN_MAX_CPU_ISA": "AVX2"},
    "OpenBLAS Haswell": {"OPENBLAS_CORETYPE": "Haswell", "NUMBA_CPU_NAME": "generic"},
}


def moved(stored, fresh) -> list[str]:
    """A short diff for every compared cell whose text is not the stored one."""
    out = []
    for i, (a, b) in enumerate(zip(stored.cells, fresh.cells)):
        one, two = nbs.compared(a), nbs.compared(b)
        if one != two:
            lines = list(difflib.unified_diff(one.splitlines(), two.splitlines(), lineterm="", n=0))
            out.append(f"    cell {i}: " + " | ".join(lines[3:7]))
    return out


def main() -> int:
    """Run the grid and list what moved."""
    asked = [a for a in sys.argv[1:] if not a.startswith("-")]
    total = 0
    for path in nbs.notebooks(asked[0] if asked else None):
        for name, env in GRID.items():
            fresh, seconds = nbs.execute(path, env)
            lines = moved(nbs.read(path), fresh)
            total += len(lines)
            print(f"{path.name} · {name}: {len(lines)} moved ({seconds:.0f} s)")
            print("\n".join(lines), end="\n" if lines else "", flush=True)
    print(f"{total} compared outputs moved")
    return int(total > 0)


if __name__ == "__main__":
    sys.exit(main())
