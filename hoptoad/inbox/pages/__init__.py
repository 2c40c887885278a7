"""The inbox in the admin: the list of problems, and the page about one."""
