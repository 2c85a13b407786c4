"""A service after years: a million videos in its tables, millions of stored objects. See docs/operate/scaling.md."""
