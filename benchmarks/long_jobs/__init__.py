"""Jobs of very many frames: planned, merged, read and viewed."""
