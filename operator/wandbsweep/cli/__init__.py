"""The command line `wandbsweep`: options in, one call into a room, readable text out."""
