"""``python -m guesthouse.cli`` is ``guesthouse``."""

import sys

from guesthouse.cli.app import main

sys.exit(main())
