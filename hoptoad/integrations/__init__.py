"""One module for each package or server that can report failures. None is imported unless it is used."""
