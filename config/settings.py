"""Every setting, grouped; each deployment's own come from the environment (config.env)."""

from pathlib import Path

from config import embedded
from config.database_url import database_from_url
from config.env import env_bool, env_int, env_list, env_secret, env_str

BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = Path(env_str("SWITCHBOARD_DATA_DIR", str(BASE_DIR / ".data")))

# --- Services: real ones when told, else the embedded pair under DATA_DIR -------------------------
IS_DEVELOPMENT = env_bool("DEVELOPMENT", not env_str("DATABASE_URL", ""))
_services = embedded.urls(DATA_DIR) if not env_str("DATABASE_URL", "") else None
_secrets = embedded.secrets(DATA_DIR) if IS_DEVELOPMENT else None
DATABASE_URL = env_str("DATABASE_URL", _services.database_url if _services else None)
KEYS_DATABASE_URL = env_str(
    "KEYS_DATABASE_URL", _services.keys_database_url if _services else DATABASE_URL + "_keys"
)
REDIS_URL = env_str("REDIS_URL", embedded.urls(DATA_DIR).redis_url if IS_DEVELOPMENT else None)
# Before every key, channel and queue, so that two installations may share a server.
REDIS_PREFIX = env_str("REDIS_PREFIX", "switchboard")

# --- Core -----------------------------------------------------------------------------------------
SECRET_KEY = env_secret("SECRET_KEY", _secrets.secret_key if _secrets else None)
# Key-encryption keys, newest first: they wrap the companies' data keys.
FIELD_ENCRYPTION_KEY = [
    key
    for key in env_secret(
        "FIELD_ENCRYPTION_KEY", ",".join(_secrets.field_encryption_keys) if _secrets else None
    ).split(",")
    if key
]
DEBUG = env_bool("DEBUG", False)
PLATFORM_HOSTS = env_list("PLATFORM_HOSTS", ["localhost"] if IS_DEVELOPMENT else [])
# How a company's host is made from its slug, and the scheme and port people see.
COMPANY_HOST_SUFFIX = env_str("COMPANY_HOST_SUFFIX", ".localhost")
PUBLIC_SCHEME = env_str("PUBLIC_SCHEME", "http" if IS_DEVELOPMENT else "https")
PUBLIC_PORT = env_str("PUBLIC_PORT", "8000" if IS_DEVELOPMENT else "")
# CompanyMiddleware is the allow-list: it answers 404 to any host that is no company and not ours.
ALLOWED_HOSTS = ["*"]
USE_X_FORWARDED_HOST = False
ROOT_URLCONF = "config.urls_company"
PUBLIC_SCHEMA_URLCONF = "config.urls_public"
ASGI_APPLICATION = "config.asgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- Apps: the split between public and company schemas is settled for good -----------------------
SHARED_APPS = [
    "tenants",
    "tenants.keyring",
    "routing",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "rest_framework",
    "channels",
    "encrypted_model_fields",
    # Last: it ships admin templates and a migrate command that ours must come before.
    "django_tenants",
]
TENANT_APPS = ["chat", "crm_sync", "reports"]
INSTALLED_APPS = ["config", "daphne", *SHARED_APPS[:-1], *TENANT_APPS, SHARED_APPS[-1]]
TENANT_MODEL = "tenants.Company"
TENANT_DOMAIN_MODEL = "tenants.Domain"
TENANT_SYNC_ROUTER = "config.routers.SchemaRouter"
TENANT_BASE_MIGRATE_COMMAND = "tenants.management.commands.migrate.WholeMigrate"
GET_EXECUTOR_FUNCTION = "tenants.migrating.executor"
DATABASE_ROUTERS = ["config.routers.SchemaRouter"]
# The search path is set once per change of schema, not before every cursor.
TENANT_LIMIT_SET_CALLS = True

MIDDLEWARE = [
    # First, so that the line logged for a request carries its company.
    "tenants.middleware.CompanyMiddleware",
    "config.middleware.RequestContextMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "config.middleware.ContentSecurityPolicyMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "config.middleware.ProductErrorMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "config.context_processors.site",
            ],
        },
    }
]

# --- Data -----------------------------------------------------------------------------------------
DATABASES = {
    "default": database_from_url(
        DATABASE_URL,
        engine="django_tenants.postgresql_backend",
        conn_max_age=env_int("DATABASE_CONN_MAX_AGE", 300),
    ),
    "keys": database_from_url(
        KEYS_DATABASE_URL, engine="django.db.backends.postgresql", conn_max_age=60
    ),
}
# Threads of one server process that may wait for the database on behalf of sockets.
SOCKET_DATABASE_THREADS = env_int("SOCKET_DATABASE_THREADS", 8)
# Multiplies what one socket may send a second; load tests raise it.
SOCKET_RATE_FACTOR = env_int("SOCKET_RATE_FACTOR", 1)
SPARE_SCHEMAS = env_int("SPARE_SCHEMAS", 3)
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": REDIS_PREFIX,
    }
}
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "chat.live.bus.BusLayer",
        "CONFIG": {"url": REDIS_URL, "prefix": REDIS_PREFIX},
    },
}

# --- People ---------------------------------------------------------------------------------------
AUTH_USER_MODEL = "tenants.User"
# E-mail addresses are unique without regard to letter case, by a constraint the check cannot see.
SILENCED_SYSTEM_CHECKS = ["auth.W004"]
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_SESSION_REMEMBER = False
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_ADAPTER = "tenants.account_adapter.AccountAdapter"
LOGIN_URL = "/accounts/login/"
LOGIN_REDIRECT_URL = "/"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.ScryptPasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]

# --- Web ------------------------------------------------------------------------------------------
SESSION_COOKIE_NAME = "session" if IS_DEVELOPMENT else "__Host-session"
SESSION_COOKIE_SECURE = not IS_DEVELOPMENT
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_AGE = 12 * 3600
CSRF_COOKIE_NAME = "csrf" if IS_DEVELOPMENT else "__Host-csrf"
CSRF_COOKIE_SECURE = not IS_DEVELOPMENT
CSRF_COOKIE_HTTPONLY = True
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_SSL_REDIRECT = not IS_DEVELOPMENT
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if not IS_DEVELOPMENT else None
SECURE_HSTS_SECONDS = 0 if IS_DEVELOPMENT else 31_536_000
X_FRAME_OPTIONS = "DENY"
STATIC_URL = "/static/"
STATIC_ROOT = DATA_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "config" / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if IS_DEVELOPMENT
        else "config.storage.ModuleManifestStorage"
    },
}
WHITENOISE_USE_FINDERS = IS_DEVELOPMENT
WHITENOISE_AUTOREFRESH = DEBUG
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024

# --- Language and time ----------------------------------------------------------------------------
LANGUAGE_CODE = "en-gb"
FORMAT_MODULE_PATH = ["config.formats"]
TIME_ZONE = "UTC"
USE_TZ = True

# --- E-mail ---------------------------------------------------------------------------------------
EMAIL_HOST = env_str("EMAIL_HOST", "127.0.0.1")
EMAIL_PORT = env_int("EMAIL_PORT", 2525 if IS_DEVELOPMENT else 587)
EMAIL_HOST_USER = env_str("EMAIL_HOST_USER", "")
EMAIL_HOST_PASSWORD = env_secret("EMAIL_HOST_PASSWORD", "")
EMAIL_USE_TLS = env_bool("EMAIL_USE_TLS", not IS_DEVELOPMENT)
EMAIL_TIMEOUT = 15
DEFAULT_FROM_EMAIL = env_str("DEFAULT_FROM_EMAIL", "Switchboard <leads@switchboard.localhost>")

# --- Celery: an alarm clock; the database holds what is to be done --------------------------------
CELERY_BROKER_URL = REDIS_URL
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 3600,
    "global_keyprefix": f"{REDIS_PREFIX}:",
    # A request must not hang on a broker that is gone.
    "socket_timeout": 5,
    "socket_connect_timeout": 2,
    "max_retries": 1,
    "interval_start": 0,
    "interval_step": 0.1,
}
CELERY_TASK_PUBLISH_RETRY = False
# Which tasks are told of which outbox topic.
OUTBOX_ROUTES = "config.event_routes.EVENT_ROUTES"

# --- Outbound HTTP --------------------------------------------------------------------------------
# Development and tests push to servers on this machine; production never does.
OUTBOUND_ALLOW_LOOPBACK = env_bool("OUTBOUND_ALLOW_LOOPBACK", IS_DEVELOPMENT)
# How long a CRM may take for one lead, from connecting to the last byte.
DELIVERY_DEADLINE_SECONDS = env_int("DELIVERY_DEADLINE_SECONDS", 15)
# Of one company, over all its connections. Fewer than the processes of the `delivery` queue, or one
# company's slow CRMs take them all.
DELIVERIES_AT_ONCE = env_int("DELIVERIES_AT_ONCE", 2)

# Whether the company's leads reach a CRM, asked by an app below the one that knows.
CRM_CONNECTED = "crm_sync.interface.has_live_connection"

# --- Logs -----------------------------------------------------------------------------------------
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"context": {"()": "config.logging.ContextFilter"}},
    "formatters": {"json": {"()": "config.logging.JsonFormatter"}},
    "handlers": {
        "stderr": {
            "class": "logging.StreamHandler",
            "formatter": "json",
            "filters": ["context"],
        }
    },
    "root": {"handlers": ["stderr"], "level": env_str("LOG_LEVEL", "INFO")},
    "loggers": {
        "django.server": {"level": "WARNING"},
        "daphne": {"level": "WARNING"},
        "httpx": {"level": "WARNING"},
        # The SQL logger prints parameters.
        "django.db.backends": {"level": "WARNING"},
    },
}
