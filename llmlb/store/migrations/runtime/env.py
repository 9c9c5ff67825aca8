"""Alembic's entry to the migrations of the runtime file."""

from llmlb.store.migration import run_environment
from llmlb.store.tables import RUNTIME

run_environment(RUNTIME)
