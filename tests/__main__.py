"""`python -m tests`: pytest with its own arguments, in a process that does not hang when all is told."""

from __future__ import annotations

import atexit

import pytest

from activities.exits import leave_after


def main() -> int:
    """Run pytest and what it left for the end, which is to delete what earlier runs wrote."""
    code = pytest.main()
    atexit._run_exitfuncs()  # a process that ends at once runs none of them
    return code


if __name__ == "__main__":
    leave_after(main)
