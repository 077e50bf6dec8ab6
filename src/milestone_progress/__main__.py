"""``python -m milestone_progress``."""

import sys

from ._cli import main

sys.exit(main())
