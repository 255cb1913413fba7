"""`python -m bench [ROW …]` measures the rows named, or all of them."""

import sys

from bench.run import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
