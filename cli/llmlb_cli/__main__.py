"""``python -m llmlb_cli`` is ``llmlb``."""

import sys

from llmlb_cli.main import run

sys.exit(run())
