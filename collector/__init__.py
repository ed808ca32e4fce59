"""The district's one record: every reading stored once, then acknowledged."""
