"""The sub-commands, one module each; `bashgah.cli` lists them and imports the one that is run."""
