"""Small language models on this machine, for demonstrations and tests: obtain them, serve them.

    with serve("smollm2-135m") as server:
        client = OpenAI(base_url=server.base_url, api_key="none")

Needs the extra `local`. A model file is downloaded once, kept in the user's cache folder, and
checked against a pinned SHA-256 before every use.
"""

from automix_core.local_models.catalogue import MODELS, DigestError, LocalModel, LocalModelError
from automix_core.local_models.download import cache_folder, obtain
from automix_core.local_models.server import LocalServer, serve

__all__ = [
    "MODELS",
    "DigestError",
    "LocalModel",
    "LocalModelError",
    "LocalServer",
    "cache_folder",
    "obtain",
    "serve",
]
