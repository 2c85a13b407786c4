"""Loops over a video's frames that do without the service, to compare it with: one program each.

They share no code with the detector but the meaning of the model's outputs. Each reads lines of JSON
from its standard input, {"video": path, "found": path}, runs over the video, writes what it found there
and answers with a line: {"frames": n, "seconds": s, "cpu": s}. The model is loaded before the first line is read.
"""

from contracts.runtime import telemetry

telemetry.turn_off()  # before any inference library is imported
