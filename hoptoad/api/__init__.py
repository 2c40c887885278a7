"""The protocols that notices are sent in."""
