"""Operator commands on stored data: `python -m processor.operator`, called by `web-detector`.

`__main__` is the entry point; the work is done by verify, doctor, and processor.housekeeping (retention, orphans).
"""
