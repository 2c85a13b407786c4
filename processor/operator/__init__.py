"""What operators do to what is stored: `python -m processor.operator`, which `web-detector` calls.

Entry is `__main__`. The work lies beside it (verify, doctor) and in processor.housekeeping (retention, orphans).
"""
