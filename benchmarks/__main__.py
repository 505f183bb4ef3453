"""`make bench`: the budgets of the design, each as a figure and as a ratio to what is run beside it.

`python -m benchmarks` measures everything there is, `python -m benchmarks B5 B14` some.
"""

from __future__ import annotations

import importlib
import sys
import traceback
from pathlib import Path

from benchmarks.measure import Line, table
from cnn.allocator import tune_allocator


def main(wanted: list[str]) -> int:
    """Run the benchmarks of this folder whose budgets are asked for; return how many could not run."""
    tune_allocator()  # as the server does, before torch is imported
    lines: list[Line] = []
    broken = []
    for path in sorted(Path(__file__).parent.glob("bench_*.py")):
        module = importlib.import_module(f"benchmarks.{path.stem}")
        if wanted and not set(wanted) & set(module.BUDGETS):
            continue
        print(f"… {path.stem}", file=sys.stderr, flush=True)
        try:
            lines += module.measure()
        except Exception:  # what the others found is not lost with it
            traceback.print_exc()
            broken.append(path.stem)
    print(table(lines))
    if broken:
        print("not measured:", ", ".join(broken))
    return len(broken)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
