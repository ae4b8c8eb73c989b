"""Writing a message, element by element: C only, see `_writer.pxd`."""
