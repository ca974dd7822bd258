"""What is laid before a reward model, and where it is read; see base.py."""
