"""The protocols a notice can be spoken in."""
