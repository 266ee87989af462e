"""`python -m wandbsweep` is the command `wandbsweep`."""

from wandbsweep.cli.main import main

main(prog_name="wandbsweep")
