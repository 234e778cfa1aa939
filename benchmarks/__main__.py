"""`python -m benchmarks NAME [options]` runs one benchmark; without a name, those that print a table each."""

import importlib
import sys
from pathlib import Path

NAMES = sorted(path.stem for path in Path(__file__).parent.glob("*.py") if not path.stem.startswith("_"))
TABLES = ("fill", "in_time", "local_engine")


def main() -> int:
    """The worst exit code of what was run."""
    names = sys.argv[1:2] or TABLES
    if unknown := [name for name in names if name not in NAMES]:
        print(f"there is no benchmark {unknown[0]!r}; there are {', '.join(NAMES)}", file=sys.stderr)
        return 2
    sys.argv = [f"benchmarks {names[0]}", *sys.argv[2:]]
    return max(importlib.import_module(f"benchmarks.{name}").main() or 0 for name in names)


sys.exit(main())
