"""`python -m iam_onboard`, for where the command is not installed as a script."""

from __future__ import annotations

import sys

from iam_onboard import main

sys.exit(main())
