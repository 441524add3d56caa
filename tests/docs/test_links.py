"""Every link between pages leads somewhere, and every page is linked from somewhere."""

from pathlib import Path

import pytest

from tests.docs.pages import PAGES, README, ROOT, anchors, links, name_of


def inner_links(page: Path) -> list[str]:
    return [link for link in links(page) if "://" not in link]


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_to_files_and_headings_that_exist(page: Path) -> None:
    broken = []
    for link in inner_links(page):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


def test_every_page_is_reached_from_the_readme() -> None:
    reached: set[Path] = set()
    pending = [README]
    while pending:
        page = pending.pop()
        if page in reached:
            continue
        reached.add(page)
        for link in inner_links(page):
            target = (page.parent / link.partition("#")[0]).resolve()
            pending += target.glob("*.md") if target.is_dir() else [target] if target.suffix == ".md" else []
    assert {name_of(page) for page in PAGES if page.is_relative_to(ROOT / "docs")} <= {
        name_of(page) for page in reached
    }
