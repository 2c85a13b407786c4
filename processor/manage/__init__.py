"""What operators do to what is stored: `python -m processor.manage`, which `web-detector` calls.

Entry is `__main__`. The work lies in processor.verify, processor.retention, processor.orphans and processor.doctor.
"""
