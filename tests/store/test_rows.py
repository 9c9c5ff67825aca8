"""The shapes of the rows."""

from __future__ import annotations

import subprocess
import sys


def test_reading_a_row_type_loads_neither_sqlalchemy_nor_alembic() -> None:
    program = (
        "import sys, llmlb.store, llmlb.store.rows\n"
        "heavy = {'sqlalchemy', 'alembic', 'sqlite3'} & set(sys.modules)\n"
        "sys.exit(', '.join(sorted(heavy)) or 0)"
    )
    finished = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30)
    assert finished.returncode == 0, finished.stderr
