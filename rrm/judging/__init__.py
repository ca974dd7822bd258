"""PURE: a case becomes requests, completions become votes, votes become a verdict."""
