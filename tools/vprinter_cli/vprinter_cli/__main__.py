"""`python -m vprinter_cli`: the `vprinter` command."""

import sys

from vprinter_cli.command import main

if __name__ == "__main__":
    sys.exit(main())
