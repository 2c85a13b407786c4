"""Redis keys of streams. Processes of different releases meet there, so none may change."""

# Hash of StreamSpec by id, and a counter that grows when it changes.
SPECS = "wd:live:specs"
SPECS_REVISION = "wd:live:specs:revision"
# Hash of sealed addresses by stream id: for ingest alone.
ADDRESSES = "wd:live:addresses"


def packets(stream_id: str) -> str:
    """Redis Stream of packets: see contracts.live.packets."""
    return f"wd:live:packets:{stream_id}"


def configs(stream_id: str) -> str:
    """Hash of CodecConfig by number."""
    return f"wd:live:configs:{stream_id}"


def keyframe(stream_id: str) -> str:
    """Id of the newest keyframe's entry in the packet stream."""
    return f"wd:live:keyframe:{stream_id}"


def results(stream_id: str) -> str:
    """Redis Stream of results: see contracts.live.results."""
    return f"wd:live:results:{stream_id}"


def plans(stream_id: str) -> str:
    """Hash of LivePlan by its number (contracts.live.plans): what results were made by."""
    return f"wd:live:plans:{stream_id}"


def tracker(stream_id: str) -> str:
    """KeptTracks (contracts.live.results): how tracking goes on."""
    return f"wd:live:tracker:{stream_id}"


def pushed(stream_id: str) -> str:
    """Redis Stream of posted JPEGs, from the api to ingest: fields b"j" (the image) and b"t" (Unix seconds of its
    capture as text, or empty)."""
    return f"wd:live:pushed:{stream_id}"


def ingest_presence(stream_id: str) -> str:
    """IngestPresence, with a TTL."""
    return f"wd:live:presence:{stream_id}:ingest"


def detector_presence(stream_id: str) -> str:
    """DetectorPresence, with a TTL."""
    return f"wd:live:presence:{stream_id}:detector"


def whip_requests(instance: str) -> str:
    """List of WhipRequest, from the api to one ingest."""
    return f"wd:live:whip:{instance}"


def all_of(stream_id: str) -> list[str]:
    """Every key of a stream, for its removal."""
    own = (packets, configs, keyframe, results, plans, tracker, pushed, ingest_presence, detector_presence)
    return [key(stream_id) for key in own]
