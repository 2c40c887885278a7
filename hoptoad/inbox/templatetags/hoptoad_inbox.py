"""Tags for the templates of the inbox."""

from django import template

from hoptoad.inbox.pages import times

register = template.Library()
register.simple_tag(times.time, name="moment")
