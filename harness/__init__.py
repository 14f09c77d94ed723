"""Measures whether a capability really moves from a large model to a small one."""

__version__ = "0.1.0"
