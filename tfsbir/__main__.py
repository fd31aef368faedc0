"""`python -m tfsbir` is the `tfsbir` command."""

import sys

from tfsbir.cli import main

sys.exit(main())
