"""Messages that are waited for: C only, see `_inflight.pxd`."""
