"""How long a portability check of a large tree takes, against a bare syntax walk and ruff on the same tree.

    python -m benchmarks.portability [--files 10000] [--processes 2] [TREE]

Without TREE the files are real ones: the standard library and what is installed beside it, as often as is
needed. Times are wall-clock seconds, reading from disk included; the tree has been read once before.
"""

import argparse
import ast
import gc
import itertools
import resource
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from penstock.portability.check import check, is_wanted
from penstock.portability.model import Options
from penstock.portability.targets import Target, target
from penstock.probes.source_check import check_source
from penstock.probes.source_tree import Limits, Source, read_tree

LIMITS = Limits(total_bytes=4 * 2**30, seconds=600.0)


def main() -> None:
    """Build or take the tree, measure, print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("tree", nargs="?", type=Path)
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--processes", type=int, default=2)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        tree = chosen.tree or build(Path(folder) / "tree", chosen.files)
        measure(tree, chosen.processes)


def build(root: Path, count: int) -> Path:
    """A tree of so many Python files, copied from the standard library and the installed packages."""
    sources = [Path(sysconfig.get_path(name)) for name in ("stdlib", "purelib")]
    found = [(s, p) for s in sources for p in sorted(s.rglob("*.py")) if p.stat().st_size < LIMITS.file_bytes]
    for number, (source, path) in enumerate(itertools.islice(itertools.cycle(found), count)):
        copy = root / f"part{number // len(found)}" / source.name.replace("-", "_") / path.relative_to(source)
        copy = Path(str(copy).replace("site-packages", "installed"))
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)
    return root


def measure(tree: Path, processes: int) -> None:
    """Each measurement once: they take long, and the tree is large enough to be steady."""
    paths = sorted(tree.rglob("*.py"))
    size = sum(len(p.read_bytes()) for p in paths)
    print(f"{len(paths)} Python files, {size / 1e6:.1f} MB")
    timed(f"penstock port check, {processes} processes", lambda: checked(tree, processes))
    timed("penstock port check, in this process", lambda: checked_here(tree))
    timed("bare ast.parse and ast.walk, in this process", lambda: len(list(map(walked, paths))))
    timed("ruff check, default rules", lambda: ruffed(tree, "E4,E7,E9,F"))
    timed("ruff check, all rules", lambda: ruffed(tree, "ALL"))
    memory = max(
        resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    print(f"largest process: {memory / 1024:.0f} MiB")


def timed(name: str, work: Callable[[], object]) -> None:
    """Print how long one thing took, the processor time in it, and what it said."""
    started, used = time.perf_counter(), processor_s()
    said = work()
    elapsed = time.perf_counter() - started
    print(f"{elapsed:8.2f} s, {processor_s() - used:8.2f} s of processor  {name}: {said}")


def processor_s() -> float:
    """User and system time of this process and of all children that have ended."""
    usages = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def checked(tree: Path, processes: int) -> str:
    """The whole way of `penstock port check`, without printing the report."""
    source = read_tree(tree, lambda path: is_wanted(path, Options()), LIMITS)
    assert isinstance(source, Source), source
    chip = target("ascend910b")
    assert isinstance(chip, Target), chip
    report = check_source(source, (chip,), limits=LIMITS, processes=processes)
    return f"{report.files_read} files read, {len(report.findings)} findings, {len(report.skipped)} skipped"


def checked_here(tree: Path) -> str:
    """The same in one process, whose processor time can be told."""
    source = read_tree(tree, lambda path: is_wanted(path, Options()), LIMITS)
    chip = target("ascend910b")
    assert isinstance(source, Source), source
    assert isinstance(chip, Target), chip
    gc.disable()
    report = check(source.files, (chip,))
    gc.enable()
    return f"{report.files_read} files read, {len(report.findings)} findings"


def walked(path: Path) -> int:
    """Parse a file and visit every node."""
    try:
        return sum(1 for _ in ast.walk(ast.parse(path.read_bytes())))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return 0


def ruffed(tree: Path, rules: str) -> str:
    """Ruff without its cache; it uses as many threads as there are cores."""
    ruff = Path(sys.executable).parent / "ruff"
    done = subprocess.run(
        [
            ruff,
            "check",
            "--isolated",
            "--no-cache",
            "--exit-zero",
            "--quiet",
            "--statistics",
            "--select",
            rules,
            tree,
        ],
        capture_output=True,
        check=True,
    )
    return f"{len(done.stdout.splitlines())} rules broken"


if __name__ == "__main__":
    main()
