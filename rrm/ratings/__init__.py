"""PURE: games become numbers and graphs."""
