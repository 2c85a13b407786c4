"""An autoscaler against a model of the detectors: see docs/operate/scaling.md."""
