"""`python -m rrm` is `rrm`."""

from rrm.cli import main

if __name__ == "__main__":
    main()
