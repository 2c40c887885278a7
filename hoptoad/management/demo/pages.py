"""The HTML of the demo's pages. They load nothing from elsewhere."""

from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

_STYLE = mark_safe("""
:root { color-scheme: light dark; --line: #8884; --quiet: #666; --accent: #1a6f2c; }
@media (prefers-color-scheme: dark) { :root { --quiet: #aaa; --accent: #7fd491; } }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
a { color: var(--accent); } form { display: inline; } li { margin: .3rem 0; }
table { border-collapse: collapse; width: 100%; table-layout: fixed; }
th, td { text-align: left; vertical-align: top; padding: .4rem .6rem .4rem 0;
  border-bottom: 1px solid var(--line); overflow-wrap: anywhere; }
th { color: var(--quiet); font-weight: 600; width: 30%; }
.quiet { color: var(--quiet); } code, td { font-family: ui-monospace, monospace; font-size: .9rem; }
""")


def page(title: str, body: SafeString | str) -> SafeString:
    """A whole HTML page. `body` must be escaped already."""
    return format_html(
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        "<title>{0}</title><style>{1}</style><main><h1>{0}</h1>{2}</main></html>",
        title,
        _STYLE,
        body,
    )
