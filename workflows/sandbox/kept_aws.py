"""The local AWS's state as JSON: data that people can read, and that runs no code when it is loaded.

moto's objects refer to one another, so they are saved as a numbered list. Only classes of moto that are
already loaded may be named; their objects are filled without calling the constructor. What every new process
of moto has anyway is left out: the backends and AWS's managed policies, about 1,500 in each account, are
those of the process that loads the data.
"""

from __future__ import annotations

import base64
import copy
import re
import sys
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from enum import Enum
from typing import Any
from unittest import mock

from moto.backends import get_backend
from moto.core.base_backend import BackendDict, BaseBackend
from moto.iam import models
from moto.iam.models import AWSManagedPolicy, IAMBackend

SERVICES = ("iam", "s3", "dynamodb", "sts", "organizations")

_FACTORIES: Mapping[str, Callable[[], object]] = {"dict": dict, "list": list}
_OWN = frozenset(vars(BackendDict(BaseBackend, "iam")))
"""The attributes of every `BackendDict`; any other attribute of a service's one is state."""


class NotOfMoto(ValueError):  # noqa: N818 - it reads better where it is raised
    """An object that cannot be saved, or data that cannot be part of moto's state."""


def dump() -> dict[str, Any]:
    """Return the state of moto's backends as a JSON object for `load`.

    Raises:
        NotOfMoto: a backend contains an object of an unsupported kind.
    """
    writer = _Writer()
    services = {
        name: {
            "accounts": {
                account: {region: writer.value(backend) for region, backend in regions.items()}
                for account, regions in backends.items()
            },
            "more": {key: writer.value(item) for key, item in vars(backends).items() if key not in _OWN},
        }
        for name, backends in _backends()
    }
    return {"services": services, "objects": writer.objects()}


def load(data: Mapping[str, Any]) -> None:
    """Replace the state of moto's backends by the data that `dump` returned.

    Raises:
        NotOfMoto: the data names a class that is not moto's.
        KeyError, TypeError, ValueError, IndexError: the data does not have the form that `dump` returns.
    """
    for _, backends in _backends():
        backends.clear()
    _make_iam_backends(data["services"]["iam"]["accounts"])
    reader = _Reader(data["objects"])
    for name, backends in _backends():
        kept = data["services"][name]
        for account, regions in kept["accounts"].items():
            for region, value in regions.items():
                if reader.value(value) is not backends[account][region]:
                    raise NotOfMoto(f"{name} of {account} is not what it should be")
        vars(backends).update(
            {key: reader.value(item) for key, item in kept["more"].items() if key not in _OWN}
        )


def _make_iam_backends(accounts: Iterable[str]) -> None:
    """Make the accounts' new backends; read AWS's policies only once, as that takes a tenth of a second."""
    backends = get_backend("iam")
    policies: list[Any] | None = None
    for account in accounts:
        with mock.patch.object(models, "load_iam_aws_managed_policies", return_value=policies is None):
            made = backends[account]["aws"]
        if policies is None:
            policies = made.aws_managed_policies
            continue
        made.aws_managed_policies = [copy.copy(item) for item in policies]
        for item in made.aws_managed_policies:
            item.account_id = account
        made.managed_policies = {item.arn: item for item in made.aws_managed_policies}


def _backends() -> Iterator[tuple[str, Any]]:
    services: tuple[Any, ...] = SERVICES
    return ((name, get_backend(name)) for name in services)


def _class_name(kind: type) -> str:
    name = f"{kind.__module__}:{kind.__qualname__}"
    if _class_of(name) is not kind:
        raise NotOfMoto(f"{name} cannot be kept")
    return name


def _class_of(name: str) -> type:
    """Return a loaded class of moto by its name; names in a file never cause an import."""
    module, _, qualified = name.partition(":")
    found = getattr(sys.modules.get(module), qualified, None) if module.startswith("moto.") else None
    if not isinstance(found, type) or found.__module__ != module:
        raise NotOfMoto(f"{name} is no class of moto")
    return found


class _Writer:
    """Numbers every object when it is first seen, and writes the objects' contents in that order."""

    def __init__(self) -> None:
        self._numbers: dict[int, int] = {}
        self._met: list[Any] = []  # keeps the objects alive, so that Python cannot reuse an id

    def value(self, value: Any) -> Any:
        """Return a value as JSON: the value itself, or a list of its kind and its representation."""
        if value is None or type(value) in {bool, int, float, str}:
            return value
        if isinstance(value, bytes):
            return ["bytes", base64.b64encode(value).decode()]
        if isinstance(value, datetime):
            return ["datetime", value.isoformat()]
        if isinstance(value, Enum):
            return ["enum", [_class_name(type(value)), value.name]]
        if type(value) is tuple:
            return ["tuple", [self.value(item) for item in value]]
        number = self._numbers.setdefault(id(value), len(self._met))
        if number == len(self._met):
            self._met.append(value)
        return ["object", number]

    def objects(self) -> list[Any]:
        """Return all objects seen so far, and those that they refer to."""
        return [self._object(item) for item in self._met]  # the list grows while it is read

    def _object(self, item: Any) -> list[Any]:
        if type(item) in {list, set}:
            return [type(item).__name__, [self.value(value) for value in item]]
        if type(item) in {dict, OrderedDict}:
            return [type(item).__name__, self._pairs(item)]
        if type(item) is defaultdict:
            factory = next(name for name, made in _FACTORIES.items() if made is item.default_factory)
            return ["defaultdict", self._pairs(item), factory]
        if isinstance(item, AWSManagedPolicy):
            return ["aws-policy", item.account_id, item.arn, item.id, item.attachment_count]
        if isinstance(item, BaseBackend):
            service = type(item).__module__.split(".")[1]
            return ["backend", self._state(_own_state(item)), service, item.account_id, item.region_name]
        items = self._pairs(item) if isinstance(item, dict) else []
        return ["instance", self._state(item.__getstate__()), _class_name(type(item)), items]

    def _state(self, state: Any) -> dict[str, Any]:
        """Return the attributes of an object, including those in slots."""
        parts = state if isinstance(state, tuple) else (state,)
        return {name: self.value(value) for part in parts if part for name, value in part.items()}

    def _pairs(self, item: dict[Any, Any]) -> list[Any]:
        return [[self.value(key), self.value(value)] for key, value in dict.items(item)]


def _own_state(backend: BaseBackend) -> dict[str, Any]:
    """Return a backend's attributes, without those that every new backend has."""
    state = {name: item for name, item in vars(backend).items() if not isinstance(item, re.Pattern)}
    if isinstance(backend, IAMBackend):
        del state["aws_managed_policies"]
        policies = backend.managed_policies.items()
        state["managed_policies"] = {
            arn: item for arn, item in policies if not isinstance(item, AWSManagedPolicy)
        }
    return state


class _Reader:
    """Makes an empty object for each written one, and then fills them all."""

    def __init__(self, written: list[list[Any]]) -> None:
        self._objects = [_empty(*item) for item in written]
        self._policies: list[tuple[dict[str, Any], dict[str, Any]]] = []
        # Sets and dicts hash their contents, so those must be filled first.
        for item, (kind, content, *_more) in zip(self._objects, written, strict=True):
            if kind in {"backend", "instance"}:
                self._fill(item, {name: self.value(value) for name, value in content.items()})
            elif kind == "list":
                item.extend(self.value(value) for value in content)
        for item, (kind, content, *more) in zip(self._objects, written, strict=True):
            if kind == "set":
                item.update(self.value(value) for value in content)
            elif kind in {"dict", "OrderedDict", "defaultdict"} or (kind == "instance" and more[1]):
                for key, value in more[1] if kind == "instance" else content:
                    dict.__setitem__(item, self.value(key), self.value(value))
        for policies, own in self._policies:
            policies.update(own)

    def value(self, value: Any) -> Any:
        """Return the value that `_Writer.value` turned into JSON."""
        if not isinstance(value, list):
            return value
        kind, content = value
        if kind == "object":
            return self._objects[content]
        if kind == "tuple":
            return tuple(self.value(item) for item in content)
        if kind == "enum":
            members: Any = _class_of(content[0])
            return members[content[1]]
        return base64.b64decode(content) if kind == "bytes" else datetime.fromisoformat(content)

    def _fill(self, item: Any, state: dict[str, Any]) -> None:
        if isinstance(item, IAMBackend):
            self._policies.append((item.managed_policies, state.pop("managed_policies")))
        if hasattr(item, "__setstate__"):
            item.__setstate__(state)
        else:
            for name, value in state.items():
                object.__setattr__(item, name, value)


def _empty(kind: str, content: Any, *more: Any) -> Any:
    if kind == "instance":
        made: Any = _class_of(more[0])
        return made.__new__(made)
    if kind == "backend":
        service, account, region = more
        return get_backend(service)[account][region]
    if kind == "aws-policy":
        arn, policy_id, attachments = more
        policy = get_backend("iam")[content]["aws"].managed_policies[arn]
        policy.id, policy.attachment_count = policy_id, attachments
        return policy
    if kind == "defaultdict":
        return defaultdict(_FACTORIES[more[0]])
    return {"list": list, "set": set, "dict": dict, "OrderedDict": OrderedDict}[kind]()
