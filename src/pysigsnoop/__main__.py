"""`python -m pysigsnoop`, and the pysigsnoop script. There is nothing else here."""

from __future__ import annotations

import sys

from .cli import main

if __name__ == "__main__":
    sys.exit(main())
