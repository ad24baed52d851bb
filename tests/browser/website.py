"""A company's business website on an origin of its own, with a policy that forbids nearly all."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from chat.models import AllowedOrigin
from tenants.context import in_company
from tenants.resolution import CompanyRef

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{name}</title></head>
<body><h1>{name}</h1><p>Welcome.</p><script async src="{widget}"></script></body></html>
"""


class Website:
    """One page with the widget's one line on it, at `http://www.<slug>.localhost:<port>`."""

    def __init__(self, company: CompanyRef, company_site: str) -> None:
        page = _PAGE.format(name=company.name, widget=f"{company_site}/widget.js").encode()
        policy = (
            f"default-src 'none'; script-src {company_site}; frame-src {company_site}; "
            "base-uri 'none'"
        )

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.send_header("Content-Security-Policy", policy)
                self.end_headers()
                self.wfile.write(page)

            def log_message(self, *args: object) -> None:
                """Keep the test's output clean."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        self.origin = f"http://www.{company.slug}.localhost:{self._server.server_port}"

    def allow_on(self, company: CompanyRef) -> "Website":
        with in_company(company):
            AllowedOrigin.objects.create(origin=self.origin)
        return self

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)
