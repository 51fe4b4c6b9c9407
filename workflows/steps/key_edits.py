"""The key files as operations on a layer; what is there already, in whatever wrapping, is left alone.

A changed key file resets the passwords of everybody who has it, so the packets are compared and not the text.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from workflows.core.openpgp import holds
from workflows.layer.model import Layer
from workflows.layer.operations import Operation, ReplaceKey


def text_for_new(layer: Layer, name: str, text: str) -> str:
    """The key file for somebody who is added: as it lies there, if it is this key and the provider reads it.

    Args:
        layer: the layer.
        name: the IAM name, after which the file is called.
        text: the key, as it would be written.
    """
    present = layer.files.keys.get(f"keys/{name}")
    if present is None or not holds(present, text.encode()):
        return text
    return present.decode()


def key_of_joined(layer: Layer, name: str, text: str) -> Iterator[Operation]:
    """The operation that gives somebody whom this session has added another key, if it is another one."""
    person = layer.person(name)
    present = layer.files.keys.get(person.key_file or "") if person else None
    if present is not None and not holds(present, text.encode()):
        yield ReplaceKey(name, text)


def replaced_key(layer: Layer, name: str, key: Mapping[str, Any]) -> Iterator[Operation]:
    """The new key where it was told what it resets; elsewhere the file holds it already.

    Args:
        layer: the layer.
        name: the IAM name.
        key: the person's part of the fact `keys`, {} if there is none yet.
    """
    if layer.location.account not in key.get("resets", {}):
        return
    person, text = layer.person(name), str(key["text"])
    present = layer.files.keys.get(person.key_file or "") if person else None
    if present is None or not holds(present, text.encode()):
        yield ReplaceKey(name, text)
