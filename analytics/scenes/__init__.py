"""Zones and lines over a video, and what tracks do there. Pure: positions in, events out, the same on every machine."""
