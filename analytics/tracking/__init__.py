"""From the boxes of frames to the tracks of objects. Pure: whole numbers in, whole numbers out, the same on every
machine and whatever the pieces were in which the frames came."""
