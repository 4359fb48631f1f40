"""`python -m automix_core.cli` is the command `automix`."""

import sys

from automix_core.cli import main

__all__: list[str] = []

if __name__ == "__main__":
    sys.exit(main())
