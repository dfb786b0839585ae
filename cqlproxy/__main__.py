"""`python -m cqlproxy`: the command line of cli.py."""

from cqlproxy.cli import main

if __name__ == "__main__":
    main(prog_name="cqlproxy")
