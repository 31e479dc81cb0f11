"""`python -m extproc` is `extproc`."""

from extproc.cli import main

main()
