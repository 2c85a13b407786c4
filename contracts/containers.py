"""Which containers are read. Everything else is refused before a parser of it runs.

Playlists (hls, concat, dash) are left out on purpose: they make the demuxer open other files.
"""

DEMUXERS = ("mov", "matroska", "avi", "mpegts", "mpeg", "flv", "ogg", "asf")

# For av.open(): custom IO needs no protocol, so none is allowed.
OPEN_OPTIONS = {"format_whitelist": ",".join(DEMUXERS), "protocol_whitelist": ""}
