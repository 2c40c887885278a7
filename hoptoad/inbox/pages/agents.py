"""Browsers by their names: "Firefox 145" says more than the whole of what it sends."""

import re

# In this order: each of them also names those below it.
_BROWSERS = (
    ("Edge", r"\bEdg(?:e|A|iOS)?/(\d+)"),
    ("Opera", r"\bOPR/(\d+)"),
    ("Samsung Internet", r"\bSamsungBrowser/(\d+)"),
    ("Firefox", r"\b(?:Firefox|FxiOS)/(\d+)"),
    ("Chrome", r"\b(?:Chrome|CriOS)/(\d+)"),
    ("Safari", r"\bVersion/(\d+)\S* .*\bSafari/"),
)
_PATTERNS = tuple((name, re.compile(pattern)) for name, pattern in _BROWSERS)
_BOT = re.compile(r"[\w-]*(?:bot|crawler|spider)[\w-]*", re.IGNORECASE)


def browser(agent: str) -> str:
    """The name and main version in a User-Agent; of a bot its name; of anything else its first word."""
    if bot := _BOT.search(agent):
        return bot[0]
    for name, pattern in _PATTERNS:
        if found := pattern.search(agent):
            return f"{name} {found[1]}"
    return (agent.split() or [""])[0]
