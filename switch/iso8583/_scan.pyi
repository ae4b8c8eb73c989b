"""Finding a message's elements, and reading them: C only, see `_scan.pxd`."""
