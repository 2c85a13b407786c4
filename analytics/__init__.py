"""What follows from detections without looking at a pixel: which boxes are the same object, and where it was between
two frames. Pure NumPy over the whole numbers of the codec, so that every machine gets the same answer."""
