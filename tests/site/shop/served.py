"""The settings of the site under a real server: what the test wants comes in the environment."""

import ast
import os

from shop.settings import *  # noqa: F403

INSTALLED_APPS = [*INSTALLED_APPS, "shop"]  # noqa: F405

for _name, _value in ast.literal_eval(os.environ["SHOP_SETTINGS"]).items():
    globals()[_name] = ast.literal_eval(_value)
