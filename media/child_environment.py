"""The environment of the processes that read untrusted files. For their parents only: a child starts once per file, and
the table of settings is a third of what it would import."""

import os

from contracts.settings.table import table


def environment() -> dict[str, str]:
    """The environment of a process that reads untrusted files: without our settings, so without secrets."""
    known = {row.variable for row in table()}
    environ = {name: value for name, value in os.environ.items() if name not in known}
    # OpenBLAS reserves address space per core, and nothing here multiplies large matrices.
    return environ | {"OPENBLAS_NUM_THREADS": "1"}
