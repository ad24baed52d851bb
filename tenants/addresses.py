"""Absolute addresses of the platform site and of the companies' sites."""

from django.conf import settings

from tenants.resolution import host_name


def platform_url(path: str = "/", *, port: str | None = None) -> str:
    """The address of `path` on the platform site; `port` where it is not the usual one."""
    return _url(settings.PLATFORM_HOSTS[0], path, port)


def company_url(slug: str, path: str = "/", *, port: str | None = None) -> str:
    """The address of `path` on the site of the company with this slug; `port` as above."""
    return _url(company_host(slug), path, port)


def site_of(host: str) -> str:
    """The origin of the site that answers on this Host header; a port in it counts for nothing."""
    return _url(host_name(host), "", None)


def company_host(slug: str) -> str:
    """The host name, without port, that a company gets when it signs up."""
    return f"{slug}{settings.COMPANY_HOST_SUFFIX}".lower()


def _url(host: str, path: str, port: str | None) -> str:
    number = settings.PUBLIC_PORT if port is None else port
    return f"{settings.PUBLIC_SCHEME}://{host}{f':{number}' if number else ''}{path}"
