"""The start of a process without garbage collection: all that is imported stays, and to look through it again and again
takes a third of the start, and as long once more at the end of the process."""

import gc


def begin(name: str = "__main__") -> None:
    """Call it before the imports. name: of the calling module, which may be imported by others too."""
    if name == "__main__":
        gc.disable()


def done() -> None:
    """From now on garbage is collected; what is there now is never looked through. Call it before forks."""
    gc.freeze()
    gc.enable()
