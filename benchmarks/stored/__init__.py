"""A service after years, with a million videos in its tables and millions of objects stored: see docs/scaling.md."""
