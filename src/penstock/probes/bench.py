"""Measures one device of CPU cores and prints the result as JSON: `python -m penstock.probes.bench --cpus 0-1`.

A process of its own, so that affinity and thread limits hold from the start and a hang can be ended.
"""

import argparse
import os
import sys

import msgspec

from penstock.base.refusal import Refusal
from penstock.fleet.cpulist import parse_cpu_list
from penstock.probes.standalone.sampling import BenchReport

THREAD_LIMITS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS")


def main() -> int:
    """Exit status 0 with a report on standard output, whatever the report says."""
    parser = argparse.ArgumentParser(description="Measure one device; print JSON.")
    parser.add_argument("--cpus", required=True, help="list of CPUs, e.g. 0-1")
    parser.add_argument("--memory-bytes", type=int, default=2**30)
    parser.add_argument("--budget-s", type=float, default=1.5, help="seconds for each measurement")
    options = parser.parse_args()
    report = _on_cpus(options.cpus, options.memory_bytes, options.budget_s)
    sys.stdout.buffer.write(msgspec.json.encode(report))
    return 0


def _on_cpus(text: str, memory_bytes: int, budget_s: float) -> BenchReport:
    cpus = parse_cpu_list(text)
    if isinstance(cpus, Refusal):
        return BenchReport(findings=(f"{cpus.code}: {cpus.message}",))
    try:
        os.sched_setaffinity(0, cpus)
    except OSError as error:
        return BenchReport(findings=(f"cpus_not_usable: CPUs {text} are not ours to use: {error}",))
    if os.sched_getaffinity(0) != set(cpus):
        return BenchReport(findings=(f"cpus_not_usable: only a part of CPUs {text} is ours to use",))
    os.environ.update(dict.fromkeys(THREAD_LIMITS, "1"))
    from penstock.probes import bench_numpy

    return bench_numpy.measure(len(cpus), memory_bytes, budget_s)


if __name__ == "__main__":
    sys.exit(main())
