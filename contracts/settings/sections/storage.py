"""Folders and bucket of the stored data."""

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from contracts.settings.fields import EVERY, meta

_BUCKET = re.compile(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])((?:/[A-Za-z0-9_-][A-Za-z0-9._-]*)*)/?")


@dataclass(frozen=True, kw_only=True)
class StorageSettings:
    data_dir: Annotated[str, meta("Folder of all data that the service keeps.", EVERY)] = "data"
    storage_dir: Annotated[
        str, meta("Folder of the videos and result files; empty means storage/ in DATA_DIR.", EVERY)
    ] = ""
    storage_url: Annotated[
        str,
        meta(
            "Bucket of the videos and result files, as s3://bucket/prefix; empty means the folder STORAGE_DIR.", EVERY
        ),
    ] = ""
    s3_endpoint_url: Annotated[
        str, meta("URL of the S3 object store, https:// or http://; empty means Amazon S3.", EVERY)
    ] = ""
    s3_region: Annotated[str, meta("Region of the bucket.", EVERY)] = "us-east-1"
    s3_access_key_id: Annotated[
        str, meta("Access key of the object store; empty on AWS means the machine's IAM role.", EVERY)
    ] = ""
    s3_secret_access_key: Annotated[str, meta("Secret key that belongs to S3_ACCESS_KEY_ID.", EVERY, secret=True)] = ""
    models_dir: Annotated[str, meta("Folder of added models; empty means models/ in DATA_DIR.", EVERY)] = ""

    @property
    def storage_path(self) -> str:
        """Folder of the videos and result files."""
        return self.storage_dir or os.path.join(self.data_dir, "storage")

    @property
    def models_path(self) -> Path:
        """Folder of added models."""
        return Path(self.models_dir or os.path.join(self.data_dir, "models"))

    @property
    def storage_bucket(self) -> tuple[str, str] | None:
        """Name of the bucket and key prefix in it; None where the storage is a folder."""
        found = _BUCKET.fullmatch(self.storage_url)
        return (found[1], found[2].strip("/")) if found else None
