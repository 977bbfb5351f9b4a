"""``python -m tfsparse``: the same as the command `tfsparse`."""

import sys

from tfsparse.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
