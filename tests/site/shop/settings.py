from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent.parent.parent  # tests/, whose own frames are the site's
SECRET_KEY = "not a secret, but the tests look for it on the wire: 9f1c"
DEBUG = False
ALLOWED_HOSTS = ["testserver", "127.0.0.1", "localhost"]
ROOT_URLCONF = "shop.urls"
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "hoptoad",
    "hoptoad.inbox",
]
MIDDLEWARE = [
    "hoptoad.middleware.HoptoadNotifierMiddleware",
    "shop.middleware.Outer",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "shop.middleware.Inner",
]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [Path(__file__).parent / "templates"],
        "OPTIONS": {"context_processors": ["django.template.context_processors.request"]},
    }
]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # fast
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "loggers": {"django.request": {"handlers": [], "level": "CRITICAL", "propagate": True}},
}
HOPTOAD_SETTINGS = {"HOPTOAD_API_KEY": "0123456789abcdef0123456789abcdef"}
MAILERS = {"default": {"BACKEND": "django.core.mail.backends.locmem.EmailBackend"}}  # Django 6.1
SILENCED_SYSTEM_CHECKS = ["hoptoad.W013"]  # the tests' site has no admin
