"""Logging of all roles: a line per record, to standard error."""

import logging

from contracts.settings.table import Settings

FORMAT = "%(asctime)s %(levelname)s %(name)s %(message)s"


def configure(settings: Settings) -> None:
    """Configure the root logger of this process."""
    logging.basicConfig(level=settings.log_level.upper(), format=FORMAT, force=True)
    # It logs full URLs of imports, which may contain signatures.
    logging.getLogger("httpcore2").setLevel(logging.INFO)
    if settings.log_level == "info":
        # Celery logs every task three times, including those of the reaper.
        for name in ("celery.app.trace", "celery.worker.strategy"):
            logging.getLogger(name).setLevel(logging.WARNING)
