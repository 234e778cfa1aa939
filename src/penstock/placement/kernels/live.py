"""How much is lost by a task on each of some nodes, by any policy, where not every device is open to it."""

import numpy as np
from numba import njit

from penstock.placement.kernels import fgd, published, worth
from penstock.placement.kernels.published import FGD, PENSTOCK
from penstock.placement.kernels.state import fits, tightest_device


@njit(cache=True)
def losses(policy, nodes, is_open, rows, shapes, target, outlook, loss, device):
    """Fill `loss` (inf where it does not fit) and `device` at these rows, for the first of the shapes.

    A device that is not open counts as full. `nodes` is changed for the trial and put back.
    """
    saved = np.zeros(nodes.free.shape[1], np.int64)
    for row in rows:
        loss[row], device[row] = np.inf, -1
        for column in range(nodes.devices[row]):
            saved[column] = nodes.free[row, column]
            if not is_open[row, column]:
                nodes.free[row, column] = 0
        if fits(nodes, row, shapes, 0):
            if policy == PENSTOCK:
                before = worth.value(nodes, row, nodes.cpu[row], nodes.memory[row], outlook)
                loss[row], device[row] = worth.rate(nodes, row, before, shapes, 0, outlook)
            elif policy == FGD:
                gain, device[row] = fgd.rate(nodes, row, shapes, 0, target)
                loss[row] = -gain
            else:
                loss[row] = -published.score(policy, nodes, row, shapes, 0)
                device[row] = tightest_device(nodes, row, shapes, 0)
        for column in range(nodes.devices[row]):
            nodes.free[row, column] = saved[column]
