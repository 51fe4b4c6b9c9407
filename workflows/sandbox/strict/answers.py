"""Answers of the strict layer's own, written by moto's serializers from botocore's service models."""

from __future__ import annotations

from functools import cache
from typing import Any

from botocore.model import OperationModel
from botocore.parsers import create_parser
from moto.core.serialize import XFormedAttributePicker, get_serializer_class
from moto.core.utils import get_service_model

from workflows.sandbox.strict.refusal import Refusal

Headers = list[tuple[str, str]]


@cache
def _operation(service: str, action: str) -> OperationModel:
    return get_service_model(service).operation_model(action)


def write(service: str, action: str, result: dict[str, Any]) -> tuple[int, Headers, bytes]:
    """The status, headers and body with which the service would give this result."""
    operation = _operation(service, action)
    serializer = get_serializer_class(service, operation.service_model.protocol)
    answer = serializer(operation, value_picker=XFormedAttributePicker()).serialize(result)
    body = answer["body"]
    data = body.encode() if isinstance(body, str) else bytes(body)
    headers = {**answer["headers"], "Content-Length": str(len(data))}
    headers.setdefault("Content-Type", "text/xml")
    return answer["status_code"], [(name, str(value)) for name, value in headers.items()], data


def parse(service: str, action: str, status: int, headers: Headers, body: bytes) -> dict[str, Any]:
    """A service's answer as boto3 would give it.

    Raises:
        Refusal: the answer is an error.
    """
    operation = _operation(service, action)
    parser = create_parser(operation.service_model.protocol)
    answer = {"status_code": status, "headers": dict(headers), "body": body}
    parsed: dict[str, Any] = parser.parse(answer, operation.output_shape)
    if status >= 300:
        raise Refusal(parsed["Error"]["Code"], parsed["Error"]["Message"], status)
    return parsed
