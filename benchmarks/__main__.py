"""`make bench`: the budgets of the design, each as a figure and as a ratio to what is run beside it.

`python -m benchmarks` measures everything there is, `python -m benchmarks B5 B14` some.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

from benchmarks.measure import Line, table
from cnn.allocator import tune_allocator


def main(wanted: list[str]) -> int:
    """Run the benchmarks of this folder whose budgets are asked for; exit 0 even where a budget is missed."""
    tune_allocator()  # as the server does, before torch is imported
    lines: list[Line] = []
    for path in sorted(Path(__file__).parent.glob("bench_*.py")):
        module = importlib.import_module(f"benchmarks.{path.stem}")
        if wanted and not set(wanted) & set(module.BUDGETS):
            continue
        print(f"… {path.stem}", file=sys.stderr, flush=True)
        lines += module.measure()
    print(table(lines))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
