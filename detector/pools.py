"""Pools of detectors: those that run certain models."""

from contracts.settings.table import Settings


def pools(settings: Settings) -> tuple[str, ...]:
    """The pools that this process serves; the empty name is the default one."""
    names = [name.strip() for name in settings.detector_pools.split(",")]
    return tuple(dict.fromkeys(name for name in names if name)) or ("",)
