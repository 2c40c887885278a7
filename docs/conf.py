"""Configuration of Sphinx."""

from hoptoad import NAME, URL, __version__

project = NAME
version = release = __version__
author = "django-hoptoad contributors"
copyright = author  # noqa: A001 - Sphinx's name
extensions = ["sphinx.ext.autodoc"]
autodoc_typehints = "none"
html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["tables.css"]
html_title = f"{NAME} {version}"
html_theme_options = {"source_repository": f"{URL}/", "source_branch": "main", "source_directory": "docs/"}
exclude_patterns = ["_build"]
nitpicky = False
