"""`web-detector models`: what brings models into the folder of models, and looks after them there.

Run as `python -m detector.models_command`, which is what the command line does: it needs the engines.
"""
