"""What the whole service does now: for metrics, and for whoever adds detectors."""
