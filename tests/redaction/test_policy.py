"""The secrets a site holds itself."""

import pytest

from hoptoad.redaction.policy import own_secrets


@pytest.mark.parametrize(
    ("name", "value", "found"),
    [
        ("SECRET_KEY", "django-insecure-1", {"django-insecure-1"}),
        ("SECRET_KEY", b"bytes-of-a-key-1", {"bytes-of-a-key-1"}),
        ("SECRET_KEY_FALLBACKS", ["old-secret-key-1"], {"old-secret-key-1"}),
        ("SECRET_KEY_BASE", "abcdefghijk", {"abcdefghijk"}),
        ("DB_PASSWORD", "abcdefghijk", {"abcdefghijk"}),
        ("PGPASSWORD", "abcdefghijk", {"abcdefghijk"}),
        ("OPENAI_APIKEY", "abcdefghijk", {"abcdefghijk"}),
        ("STRIPE_API_KEYS", {"eu": "abcdefghijk"}, {"abcdefghijk"}),
        ("TOKENS", {"abcdefghijk"}, {"abcdefghijk"}),
        ("CLOUD", {"clientSecret": "abcdefghijk", "name": "harmless-name"}, {"abcdefghijk"}),
        ("DATABASES", {"default": {"PASSWORD": "abcdefghijk", "HOST": "db.example"}}, {"abcdefghijk"}),
        ("DATABASE_URL", "postgres://u:p%40sswordlong@h/x", {"p%40sswordlong", "p@sswordlong"}),
        ("DATABASE_URL", "postgres://u:p@sswordlong@h/x", {"p@sswordlong"}),
        ("SENTRY", "https://0123456789abcdef@sentry.example/1", {"0123456789abcdef"}),
        ("CONNECTION_STRING", "Server=a;Password=abcdefghijk;X=1", {"abcdefghijk"}),
        ("SIGNING_KEY", "abc123def456ghi", {"abc123def456ghi"}),
        ("PWD", "/srv/shop-site", set()),
        ("GOOGLE_APPLICATION_CREDENTIALS", "/srv/app/google.json", set()),
        ("SSL_CERT_KEY", "/etc/ssl/private/site.key", set()),
        ("CELERY_ROUTING_KEY", "high-priority", set()),
        ("DEFAULT_SORT_KEY", "-created_at", set()),
        ("PRIMARY_KEY", "customer-number", set()),
        ("AUTH_USER_MODEL", "auth.User", set()),
        ("PASSWORD_HASHERS", ["django.contrib.auth.hashers.PBKDF2PasswordHasher"], set()),
        ("CSRF_COOKIE_NAME", "csrftoken", set()),
        ("PASSWORD_RESET_TIMEOUT", 259_200, set()),
        ("HELP", "http://localhost:8000/mail/web@example.com", set()),
        ("SHORT_SECRET", "abc", set()),
        ("EMAIL_HOST_PASSWORD", "/Qw7rTz2+pL9", {"/Qw7rTz2+pL9"}),
        ("DB_PASSWORD", "/Qw7r/Tz2+pL9", {"/Qw7r/Tz2+pL9"}),
        ("API_TOKEN", "~/x9Kq7zW2pL", {"~/x9Kq7zW2pL"}),
        ("API_SECRET", "./Kq7z!W2pLv", {"./Kq7z!W2pLv"}),
        ("API_SECRET", "../Kq7zW2pLv", {"../Kq7zW2pLv"}),
        ("DB_PASSWORD", "D:\\Kq7zW2pLv", {"D:\\Kq7zW2pLv"}),
        ("DB_PASSWORD", "/correct-horse", {"/correct-horse"}),
        (
            "AWS_SECRET_ACCESS_KEY",
            "/K7MDENGbPxRfiCYEXAMPLEKEYwJalrXUtnFEMI/",
            {"/K7MDENGbPxRfiCYEXAMPLEKEYwJalrXUtnFEMI/"},
        ),
        ("FIELD_ENCRYPTION_KEY", "ab7/Cd9+Ef1/Gh3+Ij5kLmNop=", {"ab7/Cd9+Ef1/Gh3+Ij5kLmNop="}),
        ("DB_PASSWORD", "/run/secrets/db_password", set()),
        ("GOOGLE_CREDENTIALS", "/credentials.json", set()),
        ("GOOGLE_CREDENTIALS", "~/.config/gcloud/key-2.json", set()),
        ("GOOGLE_CREDENTIALS", "C:\\Program Files\\Shop\\GoogleKey.json", set()),
        ("JWT_PRIVATE_KEY", "../keys/jwt_rs256.pem", set()),
        ("SIGNING_KEY", "/etc/ssl/Site2024/private/site.key", set()),
    ],
)
def test_values_under_names_of_secrets(name, value, found):
    assert own_secrets({name: value}, {}) == found


def test_those_of_the_environment():
    assert own_secrets({}, {"API_TOKEN": "abcdefghijk", "HOME": "/root"}) == {"abcdefghijk"}


def test_a_value_that_contains_itself_ends():
    circle = {}
    circle["circle"] = circle

    assert own_secrets({"A_SECRET": circle}, {}) == set()
