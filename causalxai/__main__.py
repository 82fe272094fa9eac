"""``python -m causalxai``, the command line; launchers of several processes start modules."""

from causalxai.cli import main

if __name__ == "__main__":
    main()
