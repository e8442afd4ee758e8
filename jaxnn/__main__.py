"""`python -m jaxnn`: the `jaxnn` command."""

import sys

from jaxnn.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
