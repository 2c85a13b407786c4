"""The service under load, and what its parts cost: uploads, stores, memory."""
