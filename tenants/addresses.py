"""Absolute addresses of the platform site and of the companies' sites."""

from django.conf import settings


def platform_url(path: str = "/") -> str:
    """The address of `path` on the platform site."""
    return _url(settings.PLATFORM_HOSTS[0], path)


def company_url(slug: str, path: str = "/") -> str:
    """The address of `path` on the site of the company with this slug."""
    return _url(company_host(slug), path)


def company_host(slug: str) -> str:
    """The host name, without port, that a company gets when it signs up."""
    return f"{slug}{settings.COMPANY_HOST_SUFFIX}"


def _url(host: str, path: str) -> str:
    port = f":{settings.PUBLIC_PORT}" if settings.PUBLIC_PORT else ""
    return f"{settings.PUBLIC_SCHEME}://{host}{port}{path}"
