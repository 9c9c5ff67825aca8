"""Alembic's entry to the migrations of the main file."""

from llmlb.store.migration import run_environment
from llmlb.store.tables import MAIN

run_environment(MAIN)
