"""Started as a directory, with the package itself not on the path: put it there, behind the library."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[3]))

from penstock.engines.agent.main import main

main(Path(sys.argv[1]), sys.argv[2])
