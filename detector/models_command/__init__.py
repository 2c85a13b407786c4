"""`web-detector models`: adds, fetches, verifies, quantizes and removes models in the models folder.

The command line runs it as `python -m detector.models_command`, since it needs the engines.
"""
