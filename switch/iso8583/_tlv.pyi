"""Walking an element's sub-elements: C only, see `_tlv.pxd`."""
