"""Exception reporter classes of the site: found while a request is captured, and used by another thread.

https://docs.djangoproject.com/en/stable/howto/error-reporting/#custom-error-reports
"""

from weakref import WeakValueDictionary

# What Django's own `get_traceback_data` returns.
NAMES = (
    "is_email unicode_hint frames request request_meta request_COOKIES_items user_str filtered_POST_items"
    " settings sys_executable sys_version_info server_time django_version_info sys_path template_info"
    " template_does_not_exist postmortem request_GET_items request_FILES_items request_insecure_uri"
    " raising_view_name exception_type exception_value exception_notes lastframe"
).split()

# By dotted path. A document may name one of these and nothing else, because it may come from anybody.
_classes: "WeakValueDictionary[str, type]" = WeakValueDictionary()


def remember(path: str, kind: type) -> None:
    """Lets `find` return this class of a request of this process, for as long as it is in use."""
    _classes[path] = kind


def find(path: str) -> type | None:
    """The class that this process has remembered under the path, or None."""
    return _classes.get(path)
