"""ICE servers as links (RFC 9725, 4.6). Pure."""

from contracts.settings.ice_servers import IceServer


def link(server: IceServer) -> str:
    """One link of a Link header."""
    text = f'<{server.url}>; rel="ice-server"'
    if server.username is None:
        return text
    return (
        f"{text}; username={_quoted(server.username)}; credential={_quoted(server.credential or '')}; "
        'credential-type="password"'
    )


def _quoted(text: str) -> str:
    escaped = text.replace("\\", r"\\").replace('"', r"\"")
    return f'"{escaped}"'
