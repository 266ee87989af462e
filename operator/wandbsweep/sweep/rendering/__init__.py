"""How the values of one trial reach its program: argv and files. Standard library only: it travels into containers."""
