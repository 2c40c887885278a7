"""A receiver and a failing site in one process, to see the notifier work."""
