"""The check of the PyTorch engines on a GPU: see tools/check-gpu."""
