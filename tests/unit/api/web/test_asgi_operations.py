"""Each operation of the spec is a function, answered by Flask or by the ASGI middleware."""

import importlib
import inspect
from collections.abc import Callable, Iterator
from typing import Any

from api.web.asgi_operations import registered
from tests.support.deployments.service import SPEC

_METHODS = {"get", "head", "options", "post", "put", "patch", "delete"}


def operation_ids() -> Iterator[str]:
    for item in SPEC["paths"].values():
        yield from (operation["operationId"] for method, operation in item.items() if method in _METHODS)


def function(operation_id: str) -> Callable[..., Any]:
    module, _, name = operation_id.rpartition(".")
    found: Callable[..., Any] = getattr(importlib.import_module(module), name)
    return found


def test_each_operation_is_either_a_flask_function_or_a_registered_asgi_operation() -> None:
    functions = {operation_id: function(operation_id) for operation_id in operation_ids()}
    asgi = {operation_id for operation_id, found in functions.items() if inspect.iscoroutinefunction(found)}
    assert asgi == registered()
    assert 0 < len(asgi) < len(functions)


def test_no_function_answers_two_operations() -> None:
    ids = list(operation_ids())
    assert len(ids) == len(set(ids))
