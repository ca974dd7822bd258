"""All model I/O: one backend a file, each an `Engine` (see base.py)."""
