# SPDX-License-Identifier: BSD-3-Clause
"""python3 -m tensorview"""

import sys

from .commands import main

if __name__ == "__main__":
    sys.exit(main())
