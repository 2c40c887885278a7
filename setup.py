import re
import shutil
from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).parent
REPOSITORY = "https://github.com/sjl/django-hoptoad"
# Read, not imported: an isolated build does not find the package.
[VERSION] = re.findall(
    r'^__version__ = "(.+)"$', (ROOT / "hoptoad/__init__.py").read_text("utf-8"), re.MULTILINE
)

# setuptools would ship the modules that an earlier build left there, those since removed included.
shutil.rmtree(ROOT / "build/lib", ignore_errors=True)

setup(
    name="django-hoptoad",
    version=VERSION,
    description="Error notification for Django: Airbrake, Errbit and whatever speaks the Hoptoad protocol.",
    long_description=(ROOT / "README.rst").read_text("utf-8"),
    long_description_content_type="text/x-rst",
    url=REPOSITORY,
    project_urls={
        "Documentation": f"{REPOSITORY}/blob/main/docs/index.rst",
        "Changelog": f"{REPOSITORY}/blob/main/docs/changelog.rst",
        "Source": REPOSITORY,
        "Issues": f"{REPOSITORY}/issues",
        "Security policy": f"{REPOSITORY}/blob/main/SECURITY.rst",
    },
    license_expression="MIT",
    license_files=["LICENSE"],
    packages=find_packages(include=["hoptoad", "hoptoad.*"]),
    package_data={"hoptoad": ["py.typed"], "": ["templates/**/*", "static/**/*"]},
    python_requires=">=3.10",
    install_requires=["Django>=5.2", "requests>=2.32.2"],
    entry_points={"pytest11": ["hoptoad = hoptoad.integrations.pytest_plugin"]},
    extras_require={
        "celery": ["celery>=5.4"],
        "inbox": ["waitress>=3.0.1", "whitenoise>=6.7"],
        "tasks": ["django-tasks"],
        "tests": [
            "aiosmtpd",
            "build",
            "celery",
            "channels",
            "cryptography",
            "django-tasks",
            "django-ninja",
            "djangorestframework",
            "gunicorn; sys_platform != 'win32'",
            "hypothesis",
            "lxml",
            "pip>=22.3",
            "psycopg[binary]",
            "pybrake",
            "pytest",
            "pytest-django",
            "pytest-randomly",
            "redis",
            "requests[socks]",
            "twine",
            "uvicorn",
            "waitress",
            "websockets",
            "whitenoise",
        ],
        "benchmarks": ["aiosmtpd", "blinker", "bugsnag", "honeybadger", "pybrake", "rollbar", "sentry-sdk"],
        "lint": ["django-stubs", "mypy", "ruff", "types-requests"],
        "docs": ["furo", "sphinx"],
    },
    classifiers=[
        "Development Status :: 5 - Production/Stable",
        "Environment :: Web Environment",
        "Framework :: Django",
        "Framework :: Django :: 5.2",
        "Framework :: Django :: 6.0",
        "Framework :: Django :: 6.1",
        "Intended Audience :: Developers",
        "Intended Audience :: System Administrators",
        "Programming Language :: Python :: 3",
        "Programming Language :: Python :: 3.10",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Programming Language :: Python :: 3.14",
        "Topic :: System :: Monitoring",
        "Typing :: Typed",
    ],
)
