"""`python -m plait.cli`: the command line where no script is installed; how a mesh starts its own nodes."""

import sys

from . import main

sys.exit(main())
