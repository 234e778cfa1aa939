"""Started as a file, with the package itself not on the path: put it there, behind the library."""

import os
import sys

sys.path.append(os.path.abspath(f"{__file__}/../../../.."))

from penstock.engines.agent.main import main

main(sys.argv[1], sys.argv[2])
