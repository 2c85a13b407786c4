"""Scripts of the project that no service needs."""
