"""Started as a directory, with the package itself not on the path: put it there, behind the library."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[4]))

from penstock.engines.local.supervisor.main import main

main(sys.argv[1:])
