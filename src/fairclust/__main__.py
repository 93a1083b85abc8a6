"""``python -m fairclust`` is the ``fairclust`` command."""

import sys

from fairclust.cli import main

if __name__ == "__main__":
    sys.exit(main())
