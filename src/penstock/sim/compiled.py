"""Where compiled kernels are kept between runs.

A kernel's machine code holds that of the kernels it calls in other files, which numba's own cache does not
notice when only they change. So each version of all kernel sources has a folder of its own.
"""

import hashlib
import os
from pathlib import Path

_VARIABLE = "NUMBA_CACHE_DIR"


def prepare() -> Path:
    """Name the cache folder of these kernels, before numba is imported; one already set is kept."""
    kernels = Path(__file__).parents[1] / "placement" / "kernels"
    digest = hashlib.sha256()
    for source in sorted(kernels.glob("*.py")):
        digest.update(source.name.encode() + b"\0" + source.read_bytes())
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    os.environ.setdefault(_VARIABLE, str(home / "penstock" / f"kernels-{digest.hexdigest()[:16]}"))
    return Path(os.environ[_VARIABLE])
