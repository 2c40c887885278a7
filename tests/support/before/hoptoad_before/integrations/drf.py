"""The parsed data of a failing request to Django REST framework, which keeps it to itself.

Its views wrap the request in one of their own, which parses the body. That one is found where it is
in memory: among the variables of the frames that failed. Nothing is imported, patched or parsed.
"""

import sys
from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest

from hoptoad_before.errorchain import slot

_MAX_FRAMES = 200


def parsed_data(request: HttpRequest, error: BaseException | None) -> Mapping[Any, Any] | None:
    """The data as it was parsed, or None where it was not."""
    module = sys.modules.get("rest_framework.request")
    if module is None or error is None:
        return None
    step = slot(error, "__traceback__")
    for _ in range(_MAX_FRAMES):
        if step is None:
            return None
        wrapped = step.tb_frame.f_locals.get("request")
        if type(wrapped) is module.Request and wrapped.__dict__.get("_request") is request:
            data = wrapped.__dict__.get("_full_data")
            if isinstance(data, dict):
                return data
            return {"[data]": data} if isinstance(data, list) else None
        step = step.tb_next
    return None
