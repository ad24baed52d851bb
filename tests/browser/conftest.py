from collections.abc import Callable, Iterator

import pytest

from tenants.resolution import CompanyRef
from tests.browser.website import Website
from tests.servers import Daphne


@pytest.fixture
def website(served: Daphne) -> Iterator[Callable[[CompanyRef], Website]]:
    """A function that puts a company's business website up, not yet on its list of websites."""
    opened: list[Website] = []

    def put_up(company: CompanyRef) -> Website:
        opened.append(Website(company, served.url(company, "").rstrip("/")))
        return opened[-1]

    yield put_up
    for site in opened:
        site.close()
