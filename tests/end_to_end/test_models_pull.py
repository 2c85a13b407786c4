"""`web-detector models pull`: over HTTPS alone, gone on with, and only the very file that was meant."""

import hashlib
import re
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from contracts.models import catalogue
from contracts.models.catalogue import Model
from detector.models_command.known_models import known_models
from tests.support.models import onnx_models
from tests.support.models_command import Command
from tests.support.servers.byte_server import Route, Web, certificate, chunked, redirect, reply
from tests.support.servers.debian import require

CUT = 3000


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> Path:
    require("openssl")
    return certificate(tmp_path_factory.mktemp("tls"), "IP:127.0.0.1")


@pytest.fixture
def web(pem: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    """A server whose certificate is trusted."""
    monkeypatch.setenv("SSL_CERT_FILE", str(pem))
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    with Web(tls=context) as running:
        yield running


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A model's file."""
    return onnx_models.yolo(tmp_path_factory.mktemp("model") / "squares.onnx").read_bytes()


@pytest.fixture
def model(web: Web, command: Command, content: bytes) -> Model:
    """An entry that was written by hand, and whose file is at the server."""
    made = replace(
        catalogue.bundled("nanodet-g"),
        id="squares",
        file="squares.onnx",
        sha256=hashlib.sha256(content).hexdigest(),
        size_bytes=len(content),
        int8_file=None,
        int8_sha256="",
        url=f"{web.url}/squares.onnx",
        input_size=(onnx_models.INPUT, onnx_models.INPUT),
        fit="pad_centre",
        channels="RGB",
        mean=(0.0, 0.0, 0.0),
        std=(255.0, 255.0, 255.0),
        head="yolo",
        labels=onnx_models.LABELS,
    )
    return write(command, made)


def write(command: Command, made: Model) -> Model:
    command.models.mkdir(parents=True, exist_ok=True)
    (command.models / f"{made.id}.json").write_bytes(catalogue.write_entry(made))
    return made


def ranges(request: str) -> tuple[str | None, str | None]:
    found = [re.search(rf"^{name}: (.*)\r$", request, re.MULTILINE | re.IGNORECASE) for name in ("Range", "If-Range")]
    first, second = (match and match[1] for match in found)
    return first, second


def cut_off(content: bytes, etag: str | None = None) -> Route:
    """The begin of a file, and no more."""
    return reply(content[:CUT], Content_Length=len(content), ETag=etag)


def test_a_file_is_fetched_compared_tried_and_installed(
    web: Web, command: Command, model: Model, content: bytes
) -> None:
    web.routes["/squares.onnx"] = redirect(f"{web.url}/stored")
    web.routes["/stored"] = reply(content)
    assert command("pull", "squares") == 0, command.err
    assert (command.models / "squares.onnx").read_bytes() == content
    assert command.files() == ["squares.json", "squares.onnx"]
    assert command.entry("squares") == {**command.entry("squares"), "sha256": model.sha256}
    assert "tried with openvino" in command.out
    assert command("pull", "squares") == 1
    assert "cannot be pulled" in command.err  # it is there


def test_what_was_cut_off_is_gone_on_with(web: Web, command: Command, model: Model, content: bytes) -> None:
    web.routes["/squares.onnx"] = cut_off(content, '"one"')
    assert command("pull", "squares") == 1
    assert re.search(f"{CUT} of {len(content)} bytes; run the command|interrupted.*run the command", command.err)
    assert not (command.models / "squares.onnx").exists()
    rest = f"bytes {CUT}-{len(content) - 1}/{len(content)}"
    web.routes["/squares.onnx"] = reply(content[CUT:], "206 Partial Content", ETag='"one"', Content_Range=rest)
    assert command("pull", "squares") == 0, command.err
    assert [ranges(request) for request in web.requests] == [(None, None), (f"bytes={CUT}-", '"one"')]
    assert (command.models / "squares.onnx").read_bytes() == content
    assert command.files() == ["squares.json", "squares.onnx"]


def test_a_file_that_changed_meanwhile_is_begun_again(web: Web, command: Command, model: Model, content: bytes) -> None:
    web.routes["/squares.onnx"] = cut_off(b"x" * len(content), '"old"')
    assert command("pull", "squares") == 1
    web.routes["/squares.onnx"] = reply(content, ETag='"new"')  # the answer to an If-Range that no longer holds
    assert command("pull", "squares") == 0, command.err
    assert ranges(web.requests[-1]) == (f"bytes={CUT}-", '"old"')


@pytest.mark.parametrize("etag", [None, 'W/"weak"'])
def test_a_begin_that_nothing_names_for_sure_is_not_gone_on_with(
    web: Web, command: Command, model: Model, content: bytes, etag: str | None
) -> None:
    web.routes["/squares.onnx"] = cut_off(content, etag)
    assert command("pull", "squares") == 1
    web.routes["/squares.onnx"] = reply(content)
    assert command("pull", "squares") == 0, command.err
    assert ranges(web.requests[-1]) == (None, None)


def test_another_file_than_was_meant_is_refused_and_gone(
    web: Web, command: Command, model: Model, content: bytes
) -> None:
    for route, reason in (
        (reply(b"x" * len(content)), "it is another file and was deleted"),
        (reply(content + b"x"), f"has {len(content) + 1} bytes, but {len(content)} were expected"),
        (chunked(iter([content, b"x"])), f"more than {len(content)} bytes"),
    ):
        web.routes["/squares.onnx"] = route
        assert command("pull", "squares") == 1
        assert reason in command.err
        assert command.files() == ["squares.json"]


def test_what_cannot_be_fetched_says_why(
    web: Web, command: Command, model: Model, content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert command("pull", "squares") == 1
    assert "answers 404 Not Found" in command.err
    plain = web.url.replace("https://", "http://")
    assert command("pull", "squares", "--url", f"{plain}/squares.onnx") == 1
    assert "no https:// address" in command.err
    web.routes["/squares.onnx"] = redirect(f"{plain}/squares.onnx")
    assert command("pull", "squares") == 1
    assert "redirects to http://" in command.err
    web.routes["/squares.onnx"] = reply(content)
    monkeypatch.delenv("SSL_CERT_FILE")
    assert command("pull", "squares") == 1
    assert "certificate" in command.err
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    assert command("pull", "squares") == 1
    assert "refused" in command.err  # by the proxy that is not there
    assert command.files() == ["squares.json"]


def test_no_file_is_taken_on_trust(web: Web, command: Command, model: Model, content: bytes) -> None:
    write(command, replace(model, sha256=""))
    web.routes["/squares.onnx"] = reply(content)
    assert command("pull", "squares") == 1
    assert "--sha256" in command.err
    assert web.requests == []
    assert command("pull", "squares", "--sha256", "abc") == 1
    assert command("pull", "squares", "--sha256", "0" * 64) == 1
    assert command.files() == ["squares.json"]
    assert command("pull", "squares", "--sha256", model.sha256.upper()) == 0, command.err
    assert command.entry("squares")["sha256"] == model.sha256


def test_a_hash_that_contradicts_the_entry_is_refused(web: Web, command: Command, model: Model) -> None:
    assert command("pull", "squares", "--sha256", "0" * 64) == 1
    assert model.sha256 in command.err
    assert web.requests == []


def test_a_file_that_does_not_fit_its_entry_is_not_installed(
    web: Web, command: Command, model: Model, content: bytes
) -> None:
    write(command, replace(model, head="yolox"))
    web.routes["/squares.onnx"] = reply(content)
    assert command("pull", "squares") == 1
    assert "has no output 'output'" in command.err
    assert command.files() == ["squares.json"]


def test_a_model_of_an_engine_that_is_not_here_is_taken_untried_if_told_so(
    web: Web, command: Command, model: Model, content: bytes
) -> None:
    write(command, replace(model, engine="steam"))
    web.routes["/squares.onnx"] = reply(content)
    assert command("pull", "squares") == 1
    assert "--untried" in command.err
    assert command("pull", "squares", "--untried") == 0, command.err
    assert "WARNING: no test run" in command.out
    assert command.files() == ["squares.json", "squares.onnx"]


def test_a_known_model_is_pulled_by_its_id_with_its_own_hash(web: Web, command: Command, content: bytes) -> None:
    web.routes["/yolox_tiny.onnx"] = chunked(iter([content]))
    assert command("pull", "yolox-tiny", "--url", f"{web.url}/yolox_tiny.onnx") == 1
    assert "20219662 bytes" in command.err  # it ended too early to be that file
    assert command("pull", "ssd-9000") == 1
    assert "can be pulled: faster-rcnn" in command.err
    assert command("pull", "rf-detr-nano") == 1
    assert "models add FILE.onnx --like rf-detr-nano" in command.err
    assert command("pull", "nanodet-g") == 1
    assert "bundled" in command.err


def test_every_known_model_says_where_it_comes_from() -> None:
    known = known_models()
    assert {"yolox-s", "rf-detr-nano", "d-fine-s", "faster-rcnn-r50-fpn-3x", "mask-rcnn-r50-fpn-3x"} <= {
        model.id for model in known
    }
    for model in known:
        assert model.id not in catalogue.BUNDLED
        assert all((model.title, model.licence, model.source, model.accuracy, model.accuracy_source))
        assert model.url == "" or model.url.startswith("https://")
        assert model.url == "" or model.url.rpartition("/")[2] == model.file
        assert model.labels in catalogue.LABEL_SETS.values()
