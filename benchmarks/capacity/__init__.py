"""What broker, Redis, database and storage can take: see docs/operate/scaling.md."""
