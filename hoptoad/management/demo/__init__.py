"""A failing site and a receiver in one process, to see the notifier at work."""
