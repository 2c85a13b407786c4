"""What the roles agree on."""

# As in pyproject.toml, for images, which hold no distribution.
RELEASE = "0.1.0"
