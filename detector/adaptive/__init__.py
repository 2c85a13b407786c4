"""Jobs that infer some frames and fill in the boxes of the others: which frames, and the loop around them.

A chunk is treated alone, so that its result depends on nothing else. `thumbnails` and `cuts` compare pictures, `steps`
chooses by them, `chooser` looks closer where detections differ, `inference` runs it; analytics.filling does the rest.
"""
