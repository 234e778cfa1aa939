"""Mixes that are not given, drawn with a seed from a trace: more shares, more gangs, more tasks that name models.

Named as FGD's: gpushare60 has 60 % of the device demand from tasks that share one, multigpu30 has 30 % from
tasks of several devices, gpuspec10 has 10 % of the tasks naming models, as those of gpuspec33 do.
"""

import numpy as np

from penstock.placement.workload import ANY_MODEL, WHOLE, Workload, workload

NAMES = (
    "gpushare20", "gpushare60", "gpushare80", "gpushare100", "multigpu20", "multigpu30", "multigpu40",
    "gpuspec10", "gpuspec20", "gpuspec25",
)  # fmt: skip
Row = tuple[int, int, int, int, int]


def rows_of(work: Workload) -> list[Row]:
    """The tasks as rows again."""
    columns = (work.cpu, work.memory, work.devices, work.share, work.models)
    rows = [tuple(int(column[task]) for column in columns) for task in work.tasks]
    return [(c, m, d, s, mask if d else ANY_MODEL) for c, m, d, s, mask in rows]


def variant(name: str, default: Workload, with_models: Workload, seed: int) -> Workload:
    """One mix: `with_models` is the trace whose naming of models is taken over."""
    random = np.random.default_rng(seed)
    kind, share = name.rstrip("0123456789"), int(name.lstrip("abcdefghijklmnopqrstuvwxyz")) / 100
    rows = rows_of(default)
    if kind == "gpuspec":
        masks = [row[4] for row in rows_of(with_models) if row[2] and row[4] != ANY_MODEL]
        named = [
            (*row[:4], int(random.choice(masks))) if row[2] and random.random() < share else row
            for row in rows
        ]
        return workload(named)
    chosen = [row[2] == 1 and row[3] < WHOLE if kind == "gpushare" else row[2] > 1 for row in rows]
    ours = [row for row, one in zip(rows, chosen, strict=True) if one and row[2]]
    rest = [row for row, one in zip(rows, chosen, strict=True) if not one and row[2]]
    total = sum(row[2] * row[3] for row in rows)
    drawn = [row for row in rows if not row[2]]
    for source, part in ((ours, share), (rest, 1 - share)):
        volumes = np.array([row[2] * row[3] for row in source])
        picks = random.integers(len(source), size=int(2 * total / volumes.mean()))
        picks = picks[np.cumsum(volumes[picks]) <= part * total]
        drawn += [source[i] for i in picks]
    return workload(drawn)
