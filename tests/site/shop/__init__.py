"""A small Django site in which everything fails that can."""
