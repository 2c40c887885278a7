"""Secrets to be planted and looked for, each distinct and random, in every form it could leave in."""

import base64
import html
import json
import secrets
from urllib.parse import quote


class Canaries(dict):
    """`canaries["the form's password"]` is a new secret at its first use, and the same one after."""

    def __missing__(self, place):
        # Some of it needs quoting in a URL, in XML, in JSON.
        self[place] = f"cn{secrets.token_hex(8)}&/é'{secrets.token_hex(4)}"
        return self[place]

    def word(self, place):
        """One that needs no quoting: for headers, paths and numbers."""
        return self.setdefault(place, f"cn{secrets.token_hex(12)}")

    def found_in(self, wire):
        """The places whose secrets are in `wire`, in clear or in any disguise."""
        text = wire.decode("utf-8", "replace")
        return sorted(
            {place for place, secret in self.items() if any(form in text for form in forms(str(secret)))}
        )


def forms(secret):
    found = {secret, secret[:18], quote(secret), quote(secret, safe=""), html.escape(secret)}
    found |= {json.dumps(secret)[1:-1], repr(secret)[1:-1], html.escape(json.dumps(secret)[1:-1])}
    raw = secret.encode()
    for padding in range(3):  # base64 of the secret inside something longer
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            start = (padding * 8 + 5) // 6
            found.add(encode(b"x" * padding + raw).decode()[start + 1 : -5])
    return {form for form in found if len(form) > 8}
