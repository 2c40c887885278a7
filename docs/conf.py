"""Configuration of Sphinx."""

from hoptoad import NAME, __version__

project = NAME
version = release = __version__
author = "django-hoptoad contributors"
copyright = author  # noqa: A001 - Sphinx's name
extensions = ["sphinx.ext.autodoc"]
html_theme = "alabaster"
html_theme_options = {"description": "Error notification for Django", "fixed_sidebar": True}
exclude_patterns = ["_build"]
nitpicky = False
