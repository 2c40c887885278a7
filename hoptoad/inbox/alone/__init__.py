"""The inbox as a service of its own: `python -m hoptoad inbox`."""
