"""Saved routers: a directory with a readable `router.json`, and arrays beside it.

Every part is data: its registry name and its parameters. Arrays go to one `.npz` file that is
read with pickling switched off, so loading executes no code. Live objects (a judge, a callable)
are saved as named slots and given back on loading. `router.json` is replaced in one step and
names the arrays it belongs to, so a reader never sees half a router.
"""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import uuid
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from automix_core._version import __version__
from automix_core.errors import ConfigurationError, SavedRouterError
from automix_core.parts import Part, find_part, parts_of_kind

__all__ = ["as_json", "read_router", "write_router"]

FORMAT = 1

_UNREADABLE = (OSError, EOFError, ValueError, TypeError, KeyError, zipfile.BadZipFile)

Arrays = dict[str, NDArray[Any]]


@dataclasses.dataclass
class _Apart:
    """What is not JSON: arrays, which go to a file of their own, and live objects, which stay."""

    arrays: Arrays = dataclasses.field(default_factory=dict)
    live: list[Any] = dataclasses.field(default_factory=list)


def write_router(path: str | Path, manifest: Mapping[str, Any]) -> None:
    """Write a router's manifest to a directory, atomically.

    Args:
        path: The directory; it is made if it does not exist.
        manifest: JSON values and parts, by name.

    Raises:
        SavedRouterError: The directory cannot be written, or a part could not be found again.
    """
    folder = Path(path)
    for part in _strangers(list(manifest.values())):
        msg = f"{type(part).__name__} cannot be saved: it must be a dataclass with its own `name`."
        raise SavedRouterError(msg)
    apart = _Apart()
    body = {key: _dump(value, key, apart) for key, value in manifest.items()}
    head: dict[str, Any] = {"format": FORMAT, "version": __version__, "arrays": None}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if apart.arrays:
            head["arrays"] = _write_arrays(folder, apart.arrays)
        text = json.dumps({**head, **body}, indent=2, ensure_ascii=False) + "\n"
        _replace(folder / "router.json", text.encode())
        for stale in folder.glob("arrays-*.npz"):
            if stale.name != head["arrays"]:
                stale.unlink()
    except OSError as error:
        msg = f"Cannot write a router to {folder}: {error}"
        raise SavedRouterError(msg) from error


def as_json(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """A manifest as JSON values that are equal for equal routers, and for no others.

    Arrays are shown by a digest of their content, live objects by their type and identity, which
    tells them apart within one process.
    """
    apart = _Apart()
    body = {key: _dump(value, key, apart) for key, value in manifest.items()}
    if apart.arrays:
        digests = {k: hashlib.sha256(a.tobytes()).hexdigest() for k, a in apart.arrays.items()}
        body["arrays"] = digests
    if apart.live:
        body["live"] = [f"{type(x).__name__}@{id(getattr(x, 'model', x)):x}" for x in apart.live]
    return body


def read_router(path: str | Path, resources: Mapping[str, Any]) -> dict[str, Any]:
    """Read a manifest that `write_router` wrote, with its parts made again.

    Args:
        path: The directory.
        resources: Live objects by the name of their slot.

    Raises:
        SavedRouterError: Nothing readable there, a newer format, or a slot left empty.
    """
    folder = Path(path)
    try:
        raw = json.loads((folder / "router.json").read_text(encoding="utf-8"))
        form = raw["format"]
    except _UNREADABLE as error:
        msg = f"There is no readable router in {folder}: {error}"
        raise SavedRouterError(msg) from error
    if form != FORMAT:
        msg = f"{folder} has format {form}, and this version reads format {FORMAT}."
        raise SavedRouterError(msg)
    try:
        arrays = _read_arrays(folder, raw.pop("arrays"))
        return {key: _load(value, arrays, resources) for key, value in raw.items()}
    except (*_UNREADABLE, ConfigurationError) as error:
        msg = f"The router in {folder} cannot be read: {error}"
        raise SavedRouterError(msg) from error


def _dump(value: Any, where: str, apart: _Apart) -> Any:
    """A value as JSON: parts by name, arrays by reference, live objects as slots."""
    if isinstance(value, Part):
        parameters = {
            name: _dump(given, f"{where}.{name}", apart)
            for name, given in _parameters(value).items()
        }
        return {"part": [value.kind, _known_as(value)], "parameters": _slotted(value, parameters)}
    if isinstance(value, np.ndarray):
        if value.dtype.hasobject:
            msg = f"{where} holds Python objects and cannot be saved."
            raise SavedRouterError(msg)
        apart.arrays[where] = value
        return {"array": where}
    if isinstance(value, Mapping):
        return {"map": {str(k): _dump(v, f"{where}.{k}", apart) for k, v in value.items()}}
    if isinstance(value, tuple | list):
        return [_dump(v, f"{where}.{i}", apart) for i, v in enumerate(value)]
    if isinstance(value, np.generic):
        return value.item()
    if value is None or isinstance(value, str | int | float | bool):
        return value
    apart.live.append(value)
    return {"slot": None}


def _parameters(part: Any) -> dict[str, Any]:
    if not dataclasses.is_dataclass(part):
        return {}
    return {f.name: getattr(part, f.name) for f in dataclasses.fields(part)}


def _known_as(part: Part) -> str:
    """The name a part is registered under, or else that of its class."""
    kind = type(part)
    registered = parts_of_kind(part.kind).get(part.name) is kind
    return part.name if registered else f"{kind.__module__}.{kind.__qualname__}"


def _strangers(value: Any) -> Iterator[Part]:
    """The parts that could not be found again by name, or that would come back changed."""
    if isinstance(value, Part):
        if _known_as(value) != value.name or not dataclasses.is_dataclass(value):
            yield value
        value = list(_parameters(value).values())
    if isinstance(value, tuple | list):
        for inner in value:
            yield from _strangers(inner)


def _slotted(part: Part, parameters: dict[str, Any]) -> dict[str, Any]:
    """The same parameters, with each live object's slot named after its part."""
    return {
        key: {"slot": part.name} if value == {"slot": None} else value
        for key, value in parameters.items()
    }


def _load(value: Any, arrays: Arrays, resources: Mapping[str, Any]) -> Any:
    if isinstance(value, list):
        return tuple(_load(v, arrays, resources) for v in value)
    if not isinstance(value, dict):
        return value
    if "part" in value:
        maker: Any = find_part(*value["part"])
        given = value["parameters"]
        return maker(**{key: _load(v, arrays, resources) for key, v in given.items()})
    if "array" in value:
        return arrays[value["array"]]
    if "slot" in value:
        slot = value["slot"]
        if slot not in resources:
            msg = f"it needs a live object: give Router.load(..., resources={{{slot!r}: ...}})"
            raise SavedRouterError(msg)
        return resources[slot]
    return {key: _load(v, arrays, resources) for key, v in value["map"].items()}


def _write_arrays(folder: Path, arrays: Arrays) -> str:
    """Write the arrays to a file named after their content; gives the file's name."""
    packed = io.BytesIO()
    np.savez(packed, allow_pickle=False, **arrays)
    name = f"arrays-{hashlib.sha256(packed.getvalue()).hexdigest()[:16]}.npz"
    _replace(folder / name, packed.getvalue())
    return name


def _read_arrays(folder: Path, name: str | None) -> Arrays:
    if name is None:
        return {}
    with np.load(folder / Path(name).name, allow_pickle=False) as file:
        return {key: file[key] for key in file.files}


def _replace(target: Path, content: bytes) -> None:
    """Write a file so that a reader sees either the old content or the new."""
    scratch = target.with_name(f"{target.name}.{uuid.uuid4().hex}.partial")
    try:
        scratch.write_bytes(content)
        scratch.replace(target)
    except BaseException:
        scratch.unlink(missing_ok=True)
        raise
