"""Problems of KEDA's objects, by the models of cloudcoil. Run with the Python of .venv/kubernetes: objects as a JSON
list on stdin, one problem per line on stdout."""

import json
import sys
from typing import Any

from cloudcoil.models.keda import v1alpha1  # type: ignore[import-not-found]


def lost(given: Any, kept: Any, path: str) -> list[str]:
    """Keys that the model dropped: it lets unknown ones pass."""
    if isinstance(given, dict):
        kept = kept if isinstance(kept, dict) else {}
        return [
            problem
            for key, value in given.items()
            for problem in (
                lost(value, kept[key], f"{path}.{key}") if key in kept else [f"{path}.{key} is no field of KEDA's"]
            )
        ]
    if isinstance(given, list):
        return [
            problem for index, value in enumerate(given) for problem in lost(value, kept[index], f"{path}[{index}]")
        ]
    return []


def main() -> None:
    """Entry point."""
    for found in json.load(sys.stdin):
        path = f"{found['kind']}/{found['metadata']['name']}"
        try:
            model = getattr(v1alpha1, found["kind"]).model_validate(found)
        except ValueError as error:
            print(path, " ".join(str(error).split()))
            continue
        for problem in lost(found, model.model_dump(mode="json", by_alias=True, exclude_unset=True), path):
            print(problem)


if __name__ == "__main__":
    main()
