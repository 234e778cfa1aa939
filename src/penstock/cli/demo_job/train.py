"""Data-parallel training on handwritten digits: one process per rank, gradients summed in a ring.

Reads the variables that torchrun-style programs know (RANK, WORLD_SIZE, MASTER_ADDR, MASTER_PORT), keeps its
checkpoint in PENSTOCK_CHECKPOINT_DIR, and ends with the same parameters however often it was interrupted:
which images a step sees follows from seed, step and rank alone. Prints JSON lines.

Exit codes: 0 done; 17 failed on purpose (FAIL_AT_STEP); 75 another process was lost; 143 asked to stop,
checkpoint written.
"""

import json
import os
import signal
import sys
from pathlib import Path

PEER_LOST = 75


def main() -> int:
    """Join the gang that the environment describes, and train."""
    environment = os.environ
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        environment.setdefault(name, "1")
    # NumPy's BLAS reads the limits above once, when it is loaded.
    from rendezvous import PeerLost  # ty: ignore[import-not-found]
    from ring_allreduce import Ring  # ty: ignore[import-not-found]
    from training import Settings, Training  # ty: ignore[import-not-found]

    directory = environment.get("PENSTOCK_CHECKPOINT_DIR")
    rank, world = int(environment.get("RANK", "0")), int(environment.get("WORLD_SIZE", "1"))
    address, port = environment.get("MASTER_ADDR", "127.0.0.1"), int(environment.get("MASTER_PORT", "29500"))
    try:
        with Ring(rank, world, address, port) as ring:
            training = Training(Settings.of(environment), ring, Path(directory) if directory else None)
            signal.signal(signal.SIGTERM, lambda *_: setattr(training, "asked_to_stop", True))
            return training.run()
    except PeerLost as error:
        print(json.dumps({"rank": rank, "error": str(error)}), flush=True)
        return PEER_LOST


if __name__ == "__main__":
    sys.exit(main())
