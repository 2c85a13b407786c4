"""The WHIP endpoint over HTTP: what it refuses before an ingest is asked, and what it answers."""

import asyncio
from typing import Any

import pytest

from api.live.ice_links import link
from contracts.errors import SettingsError
from contracts.settings.ice_servers import IceServer, ice_servers
from tests.support.deployments.service import Client
from tests.support.live.whip_sender import WhipSender

SDP = {"content": b"v=0\r\n", "headers": {"Content-Type": "application/sdp"}}


def endpoint(client: Client, kind: str = "webrtc") -> str:
    made: dict[str, Any] = client.call("POST", "/streams", 201, json={"kind": kind})
    return f"/streams/{made['id']}/whip"


def test_what_is_no_offer_for_a_stream_is_refused(client: Client) -> None:
    path = endpoint(client)
    client.problem("POST", path, 415, "unsupported_media_type", content=b"{}", headers={"Content-Type": "text/plain"})
    client.problem("POST", path, 400, "malformed_request", content=b"\xff", headers=SDP["headers"])
    client.problem("POST", path, 422, "offer_refused", **SDP)
    client.problem("POST", endpoint(client, "push"), 409, "stream_not_fed", **SDP)
    client.call("POST", path.replace("/whip", "/stop"), 202)
    client.problem("POST", path, 409, "stream_not_fed", **SDP)


def test_candidates_cannot_be_sent_later_and_sessions_that_are_not_there_not_ended(client: Client) -> None:
    path = endpoint(client)
    answer = client.request(
        "PATCH", f"{path}/0.x", content=b"", headers={"Content-Type": "application/trickle-ice-sdpfrag"}
    )
    assert (answer.status_code, answer.headers["allow"]) == (405, "DELETE")
    client.problem("DELETE", f"{path}/0.x", 404, "not_found")


def test_what_is_taken_is_told(client: Client) -> None:
    answer = client.request("OPTIONS", endpoint(client))
    assert (answer.status_code, answer.headers["accept-post"]) == (204, "application/sdp")
    assert "link" not in answer.headers


def test_ice_servers_are_links_with_their_credentials() -> None:
    servers = ice_servers("stun:stun.example.org:3478, turn:me:p%40s%22s@[2001:db8::1]?transport=tcp")
    assert servers == (
        IceServer("stun:stun.example.org:3478"),
        IceServer("turn:[2001:db8::1]?transport=tcp", "me", 'p@s"s'),
    )
    assert [link(one) for one in servers] == [
        '<stun:stun.example.org:3478>; rel="ice-server"',
        '<turn:[2001:db8::1]?transport=tcp>; rel="ice-server"; username="me"; credential="p@s\\"s"; '
        'credential-type="password"',
    ]


@pytest.mark.parametrize(
    "text",
    ["stun.example.org", "turn:host", "turn:me:secret@", "stun:me:secret@host", "turn:me:a b@host", "turn:m:%0A@h"],
)
def test_other_ice_servers_are_refused_without_their_password(text: str) -> None:
    with pytest.raises(SettingsError) as caught:
        ice_servers(text)
    assert "secret" not in caught.value.detail


def test_a_sender_is_live_replaced_by_the_next_one_and_waited_for_after_its_end(client: Client) -> None:
    path = endpoint(client)

    def state() -> tuple[str, str | None]:
        shown = client.call("GET", path.removesuffix("/whip"), 200)
        return shown["state"], shown["reason"]

    async def begin(sender: WhipSender) -> str:
        answer = client.request("POST", path, content=await sender.offer(), headers=SDP["headers"])
        assert answer.status_code == 201, answer.text
        await sender.take(answer.text)
        location = answer.headers["location"]
        assert answer.headers["etag"] == f'"{location.rpartition("/")[2]}"'
        return location.removeprefix("/api/v1")

    async def until(wanted: tuple[str, str | None], *senders: WhipSender) -> None:
        while state() != wanted:
            for sender in senders:
                sender.send()
            await asyncio.sleep(0.05)

    async def scenario() -> None:
        async with asyncio.timeout(120), WhipSender() as first, WhipSender() as second:
            assert state() == ("connecting", "waiting_for_sender")
            before = await begin(first)
            await until(("live", None), first)
            after = await begin(second)
            client.problem("DELETE", before, 404, "not_found")
            await until(("live", None), second)
            client.call("DELETE", after, 200)
            await until(("connecting", "waiting_for_sender"))

    asyncio.run(scenario())
