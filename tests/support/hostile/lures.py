"""Files that name others, for a reader that follows them: playlists, scripts, descriptions, and films that hide one.

Each is made for a file and an address (host:port), which must not be touched.
"""

import struct
from collections.abc import Callable
from pathlib import Path

from tests.support.hostile.crafted import box
from tests.support.hostile.seeds import INDEX_FIRST, seed

Lure = Callable[[Path, str], bytes]


def hls(path: Path, address: str) -> bytes:
    """A playlist of segments."""
    places = (f"file://{path}", str(path), f"http://{address}/a.ts", f"tcp://{address}", f"concat:{path}|{path}")
    segments = "".join(f"#EXTINF:1,\n{place}\n" for place in places)
    return f"#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:1\n{segments}#EXT-X-ENDLIST\n".encode()


def hls_key(path: Path, address: str) -> bytes:
    """A playlist whose key and first part are fetched."""
    head = f'#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,URI="http://{address}/key"\n#EXT-X-MAP:URI="{path}"\n'
    return f"{head}#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{path}\n#EXT-X-ENDLIST\n".encode()


def concat(path: Path, address: str) -> bytes:
    """A script of films one after the other."""
    return f"ffconcat version 1.0\nfile '{path}'\nfile 'http://{address}/a.mp4'\n".encode()


def dash(path: Path, address: str) -> bytes:
    """A description of streams."""
    return (
        '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" '
        'mediaPresentationDuration="PT2S" profiles="urn:mpeg:dash:profile:isoff-on-demand:2011"><Period>'
        f'<AdaptationSet mimeType="video/mp4"><Representation id="1" bandwidth="1"><BaseURL>http://{address}/a.mp4'
        f'</BaseURL></Representation><Representation id="2" bandwidth="2"><BaseURL>file://{path}</BaseURL>'
        "</Representation></AdaptationSet></Period></MPD>"
    ).encode()


def smooth(path: Path, address: str) -> bytes:
    """An XML document that draws in another."""
    return f'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b SYSTEM "file://{path}">]><MPD>&b;{address}</MPD>'.encode()


def sdp(path: Path, address: str) -> bytes:
    """A description of a live stream."""
    host, port = address.split(":")
    media = f"m=video {port} RTP/AVP 96\na=rtpmap:96 H264/90000\n"
    return f"v=0\no=- 0 0 IN IP4 {host}\ns=x\nc=IN IP4 {host}\nt=0 0\n{media}".encode()


def pls(path: Path, address: str) -> bytes:
    """A list of radio stations."""
    return f"[playlist]\nNumberOfEntries=2\nFile1={path}\nFile2=http://{address}/a.mp4\nVersion=2\n".encode()


def asx(path: Path, address: str) -> bytes:
    """A list of players of another time."""
    return f'<asx version="3.0"><entry><ref href="http://{address}/a.asf"/><ref href="{path}"/></entry></asx>'.encode()


def reference(path: Path, address: str) -> bytes:
    """A redirection that ASF players follow."""
    return f"[Reference]\nRef1=http://{address}/a.asf?MSWMExt=.asf\nRef2={path}\n".encode()


def pattern(path: Path, address: str) -> bytes:
    """The name of numbered pictures."""
    return f"{path.parent}/%d{path.suffix}\nhttp://{address}/%03d.png\n".encode()


def svg(path: Path, address: str) -> bytes:
    """A drawing with pictures from elsewhere."""
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="64" height="64">'
        f'<image xlink:href="file://{path}" width="64" height="64"/><image xlink:href="http://{address}/a.png"/></svg>'
    ).encode()


def subtitles(path: Path, address: str) -> bytes:
    """An index of subtitles, beside which a second file is looked for."""
    return f"# VobSub index file, v7 (do not modify this line!)\nid: en\n# {path} {address}\n".encode()


def script(path: Path, address: str) -> bytes:
    """A script that players run."""
    return f'DirectShowSource("{path}")\nImport("http://{address}/a.avs")\n'.encode()


def elsewhere(path: Path, _address: str) -> bytes:
    """A mov whose frames lie in another file, by its name."""
    data = seed("mov mjpeg")
    name = str(path).encode()
    # Of an alias record: its length and kind, the volume, the file's name, how deep it lies, and the path as field 2.
    field = struct.pack(">HH", 2, len(name)) + name + b"\0" * (len(name) % 2) + struct.pack(">HH", 0xFFFF, 0)
    record = bytes(4) + bytes(10) + b"\4root".ljust(28, b"\0") + bytes(12)
    record += bytes([len(path.name)]) + path.name.encode()[:63].ljust(63, b"\0") + bytes(16)
    record += struct.pack(">HH", 1, 1) + bytes(16) + field
    return _with_reference(data, box(b"dref", struct.pack(">II", 0, 1) + box(b"alis", record)))


def by_address(path: Path, address: str) -> bytes:
    """A mov whose frames lie at an address."""
    entry = box(b"url ", bytes(4) + f"http://{address}{path}\0".encode())
    return _with_reference(seed("mov mjpeg"), box(b"dref", struct.pack(">II", 0, 1) + entry))


def _with_reference(data: bytes, dref: bytes) -> bytes:
    """The mov with another dref, and the lengths of what it lies in set right; its index stands at the end."""
    at = data.rindex(b"dref") - 4
    old = int.from_bytes(data[at : at + 4], "big")
    out = bytearray(data[:at] + dref + data[at + old :])
    for name in (b"moov", b"trak", b"mdia", b"minf", b"dinf"):
        place = data.rindex(name, 0, at) - 4
        length = int.from_bytes(data[place : place + 4], "big") + len(dref) - old
        out[place : place + 4] = struct.pack(">I", length)
    return bytes(out)


def _behind(head: bytes) -> Lure:
    return lambda path, address: head + hls(path, address)


def _instead(cut: int) -> Lure:
    return lambda path, address: seed(INDEX_FIRST)[:cut] + hls(path, address)


LURES: dict[str, Lure] = {
    make.__name__: make
    for make in (
        hls, hls_key, concat, dash, smooth, sdp, pls, asx, reference, pattern, svg, subtitles, script, elsewhere,
        by_address,
    )
}  # fmt: skip
# A playlist that does not begin the file, and one that begins it while a film follows.
LURES |= {
    "playlist behind blanks": _behind(b" \r\n\t\n"),
    "playlist behind a mark": _behind(b"\xef\xbb\xbf"),
    "playlist behind a tag": _behind(b"ID3\x04\0\0\0\0\0\x00"),
    "playlist behind a picture": lambda path, address: seed("jpeg") + hls(path, address),
    "playlist in the place of frames": _instead(3000),
    "playlist behind ftyp": _instead(32),
    "film behind a playlist": lambda path, address: hls(path, address) + seed("mpegts h264"),
    "film behind a script": lambda path, address: concat(path, address) + seed("mp4 h264"),
}
