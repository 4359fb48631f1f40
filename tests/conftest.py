"""What every test may use: a real small model, served once a session."""

from collections.abc import Iterator

import pytest

from automix_core.local_models import LocalServer, serve


@pytest.fixture(scope="session")
def smollm2() -> Iterator[LocalServer]:
    """SmolLM2-135M on a free loopback port. The first run on a machine downloads its file."""
    pytest.importorskip("xllamacpp", reason="needs the extra `local`")
    with serve("smollm2-135m") as server:
        yield server
