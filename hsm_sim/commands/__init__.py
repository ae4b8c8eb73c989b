"""The host commands, a module a family: each ends with its rows of the table, `COMMANDS`."""
