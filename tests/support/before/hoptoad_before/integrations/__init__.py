"""Doors of other packages, one module each; none is imported unless its package is used."""
