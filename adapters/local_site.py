"""A web server for this machine only: where it listens, whom it answers, and what its pages may do."""

from __future__ import annotations

try:
    from aiohttp import web as web
except ImportError as error:
    raise ImportError("to be watched needs aiohttp: pip install 'speech-lifecycle[watch]'") from error

LOOPBACK = "127.0.0.1"
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}


def own_origins(host: str, port: int) -> set[str]:
    """Return the origins of a server's own pages, by whatever name this machine is called."""
    return {f"http://{name}:{port}" for name in {host, LOOPBACK, "localhost", "[::1]"}}


def is_own(request: web.Request, port: int) -> bool:
    """Whether a request is of this server's own page, or of no page at all.

    Another site's page says so in `Origin`, or has the browser believe that this machine is that site (DNS rebinding),
    which `Host` betrays.
    """
    origins = own_origins(LOOPBACK, port)
    if (
        f"http://{request.host}" not in origins
        or request.headers.get("Origin", f"http://{request.host}") not in origins
    ):
        return False
    return request.headers.get("Sec-Fetch-Site", "none") in ("none", "same-origin")
