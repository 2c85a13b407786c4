"""WHIP (RFC 9725): browsers and other WebRTC senders begin and end to send a stream."""

from anyio.to_thread import run_sync
from starlette.requests import Request
from starlette.responses import Response

from api.context import Services, context
from api.live.ice_links import link
from api.routes import audit
from api.web.asgi_operations import asgi_operation
from api.web.representations import PREFIX
from contracts.database.tables import Stream
from contracts.errors import Malformed, StreamNotFed

MEDIA_TYPE = "application/sdp"


@asgi_operation()
async def whip_options(_request: Request, _user: str) -> Response:
    """What is taken, and the ICE servers that a sender may use: the same for all streams."""
    return Response(status_code=204, headers={"Accept-Post": MEDIA_TYPE, **_links(context.current())})


@asgi_operation()
async def begin_sending(request: Request, user: str) -> Response:
    """Begin a session: the answer to an SDP offer."""
    services = context.current()
    row = await run_sync(_sent_stream, services, user, request.path_params["stream_id"])
    if row.wanted == "stopped":
        raise StreamNotFed("the stream is stopped: start it first")
    begun = await services.whip.offer(row.id, _text(await request.body()))
    await run_sync(lambda: audit.note("stream.sending", user_id=user, subject=row.id))
    headers = {
        "Location": f"{PREFIX}/streams/{row.id}/whip/{begun.session}",
        "ETag": f'"{begun.session}"',
        **_links(services),
    }
    return Response(begun.sdp, 201, headers, MEDIA_TYPE)


@asgi_operation()
async def end_sending(request: Request, user: str) -> Response:
    """End a session."""
    services = context.current()
    row = await run_sync(_sent_stream, services, user, request.path_params["stream_id"])
    await services.whip.end(row.id, request.path_params["session_id"])
    await run_sync(lambda: audit.note("stream.sending_ended", user_id=user, subject=row.id))
    return Response(status_code=200)


def _sent_stream(services: Services, user: str, stream_id: str) -> Stream:
    """A stream of the kind webrtc. Raises NotFound, StreamNotFed."""
    row = services.streams.get(user, stream_id)
    if row.kind != "webrtc":
        raise StreamNotFed(f"the stream is of the kind {row.kind}: only streams of the kind webrtc take a sender")
    return row


def _links(services: Services) -> dict[str, str]:
    servers = services.settings.ice_servers
    return {"Link": ", ".join(map(link, servers))} if servers else {}


def _text(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError:
        raise Malformed("the body is no text: send the SDP offer") from None
