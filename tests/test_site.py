"""The site: every public name is on it, links lead somewhere, no page scrolls sideways.

What is built is looked at where it lies: `make docs-quick` first, or these are skipped.
"""

import re
import shutil
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

import sklearn_triplet
from sklearn_triplet import datasets

DOCS = Path(__file__).parents[1] / "docs"
SITE = DOCS / "_build" / "html"
# what the theme brings along is no page
PAGES = sorted(p for p in SITE.rglob("*.html") if "_static" not in p.parts)
built = pytest.mark.skipif(not PAGES, reason="needs the site: make docs-quick")


@pytest.fixture
def api_pages(monkeypatch):
    monkeypatch.syspath_prepend(DOCS)
    sys.modules.pop("api_pages", None)
    return pytest.importorskip("api_pages")


def test_every_public_name_is_on_the_page_of_the_api(api_pages, tmp_path):
    api_pages.write(tmp_path)
    text = (tmp_path / "index.rst").read_text(encoding="utf-8")
    listed = re.findall(r"^   (sklearn_triplet\S+)$", text, flags=re.M)
    expected = [f"sklearn_triplet.{name}" for name in sklearn_triplet.__all__]
    expected.remove("sklearn_triplet.datasets")
    expected += [f"sklearn_triplet.datasets.{name}" for name in datasets.__all__]
    assert sorted(listed) == sorted(expected)


def test_a_new_name_has_its_place(api_pages, monkeypatch):
    class Display:
        __module__ = "sklearn_triplet._displays.something"

    class Stray:
        __module__ = "sklearn_triplet._nowhere"

    monkeypatch.setattr(sklearn_triplet, "Display", Display, raising=False)
    monkeypatch.setattr(sklearn_triplet, "Stray", Stray, raising=False)
    names = [*sklearn_triplet.__all__, "Display", "Stray"]
    monkeypatch.setattr(sklearn_triplet, "__all__", names)
    groups = api_pages.group_names()
    assert "sklearn_triplet.Display" in groups["Pictures"]
    assert groups["Further names"] == ["sklearn_triplet.Stray"]


def test_strategies_are_drawn_by_the_names_of_their_selectors(monkeypatch, tmp_path):
    pytest.importorskip("matplotlib")
    monkeypatch.syspath_prepend(DOCS)
    import draw_strategies as drawing

    table = drawing.tabulate().splitlines()
    assert len(table) == 2 + len(sklearn_triplet.STRATEGIES)
    assert table[4].startswith('| `"s3"` | [`SameLabel`](#sklearn_triplet.SameLabel)')
    assert table[5].endswith("| – | – |")
    # the nearest point is the positive of s3, and the next one its negative
    place = drawing.POSITIVES["Nearest"]()
    others = [row for row in drawing.DISTANCE.argsort() if row]
    assert (place == drawing.XY[others[0]]).all()
    row = drawing.NEGATIVES["SemiHard"](drawing.DISTANCE[others[0]])
    assert row == others[1]
    for name, strategy in sklearn_triplet.STRATEGIES.items():
        drawing.write_strategy(tmp_path, name, strategy)
    assert len(list(tmp_path.glob("*.svg"))) == 2 * len(sklearn_triplet.STRATEGIES)
    first = (tmp_path / "strategy_s1_labeled.svg").stat().st_mtime_ns
    drawing.write_strategy(tmp_path, "s1", sklearn_triplet.STRATEGIES["s1"])
    # what is the same is not written again, and not built again
    assert (tmp_path / "strategy_s1_labeled.svg").stat().st_mtime_ns == first


# --- the site as it was built


class Links(HTMLParser):
    """The links, pictures and anchors of a page."""

    def __init__(self, text):
        super().__init__()
        self.targets, self.anchors, self.images = [], {"", "top"}, []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        for key in ("id", "name"):
            self.anchors.add(given.get(key) or "")
        for key in ("href", "src"):
            self.targets.append(given.get(key) or "")
        if tag == "img":
            self.images.append(given)


@pytest.fixture(scope="module")
def pages():
    return {path: Links(path.read_text(encoding="utf-8")) for path in PAGES}


@built
def test_every_link_leads_somewhere(pages):
    broken, n_links = [], 0
    for path, page in pages.items():
        for target in page.targets:
            parts = urlsplit(target)
            if parts.scheme or parts.netloc:
                continue
            n_links += 1
            file = path.parent / unquote(parts.path) if parts.path else path
            file = file.resolve()
            if not file.is_file():
                broken.append(f"{path.relative_to(SITE)}: {target}")
            elif file in pages and unquote(parts.fragment) not in pages[file].anchors:
                broken.append(f"{path.relative_to(SITE)}: {target}")
    assert n_links > 1000
    assert not broken


@built
def test_nothing_is_fetched_from_elsewhere(pages):
    """The site works without a network: scripts, styles and pictures are its own."""
    for path in pages:
        text = path.read_text(encoding="utf-8")
        loaded = re.findall(r"<(?:script|img|iframe)[^>]+src=\"(https?:[^\"]+)", text)
        loaded += re.findall(r"<link[^>]+stylesheet[^>]+href=\"(https?:[^\"]+)", text)
        assert not loaded, path


@built
def test_every_picture_has_words(pages):
    for path, page in pages.items():
        for image in page.images:
            # a thumbnail stands beside its title
            words = "thumb" in image["src"] or (image.get("alt") or "").strip()
            assert words, (path, image["src"])


@built
def test_every_public_name_has_a_page():
    names = [name for name in sklearn_triplet.__all__ if name != "datasets"]
    names += [f"datasets.{name}" for name in datasets.__all__]
    for name in names:
        assert (SITE / "api" / f"sklearn_triplet.{name}.html").is_file(), name


@built
def test_no_source_is_left_as_it_was_written(pages):
    """Directives, roles and cross-references that were not understood."""
    for path in pages:
        text = path.read_text(encoding="utf-8")
        text = re.sub(r"<(pre|script)\b.*?</\1>", "", text, flags=re.S)
        text = re.sub(r"<code\b.*?</code>", "", text, flags=re.S)
        for mark in (":class:`", ":func:`", "``", "```{", ":::", "STRATINTRO"):
            assert mark not in text, (path, mark)


# --- in a browser


@pytest.fixture(scope="module")
def browser():
    webdriver = pytest.importorskip("selenium.webdriver")
    binary, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not binary or not driver:
        pytest.skip("needs chromium and chromedriver")
    options = webdriver.ChromeOptions()
    options.binary_location = binary
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu"):
        options.add_argument(argument)
    # pages of a folder may read their own search index
    options.add_argument("--allow-file-access-from-files")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    service = webdriver.ChromeService(driver)
    chromium = webdriver.Chrome(options=options, service=service)
    yield chromium
    chromium.quit()


def resize(browser, width):
    size = {"width": width, "height": 900, "deviceScaleFactor": 1}
    size["mobile"] = width < 600
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)


def list_complaints(browser):
    return [
        entry["message"]
        for entry in browser.get_log("browser")
        if entry["level"] == "SEVERE"
    ]


# what is beyond the right edge and in nothing that scrolls by itself is cut off
CUT_OFF = """
const scrolls = "pre, .highlight, .pst-scrollable-table-container, .math, .headerlink";
return [...document.querySelectorAll("article *")].filter(element =>
    element.getBoundingClientRect().right > window.innerWidth + 1
    && !element.closest(scrolls) && element.checkVisibility()
).slice(0, 3).map(element => element.outerHTML.slice(0, 80) + " is cut off");
"""


@built
@pytest.mark.slow
@pytest.mark.parametrize("width", [1280, 400])
def test_pages_fit_and_do_not_complain(browser, width):
    resize(browser, width)
    faults = []
    for path in PAGES:
        if "_modules" in path.parts:
            continue
        browser.get(path.as_uri())
        wide = browser.execute_script("return document.documentElement.scrollWidth")
        empty = browser.execute_script(
            "return [...document.images].filter(i => i.complete && !i.naturalWidth)"
            ".map(i => i.src)"
        )
        name = path.relative_to(SITE)
        faults += [f"{name} is {wide} wide"] * (wide > width)
        found = [*empty, *browser.execute_script(CUT_OFF), *list_complaints(browser)]
        faults += [f"{name}: {what}" for what in found]
    assert not faults


@built
@pytest.mark.slow
def test_code_is_copied(browser):
    from selenium.webdriver.common import action_chains

    resize(browser, 1280)
    browser.get((SITE / "api" / "sklearn_triplet.Strategy.html").as_uri())
    # what is copied is what one would type, without prompts and without answers
    browser.execute_script(
        "document.addEventListener('copy', () => {"
        "  const active = document.activeElement;"
        "  window.copied = active.value || document.getSelection().toString()}, true);"
    )
    block = browser.find_element("css selector", "div.highlight:has(> .copybtn)")
    browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", block)
    button = block.find_element("css selector", ".copybtn")
    action_chains.ActionChains(browser).move_to_element(block).click(button).perform()
    copied = browser.execute_script("return window.copied")
    assert copied is not None
    assert ">>>" not in copied and "strategy = Strategy(" in copied


@built
@pytest.mark.slow
def test_search_finds_a_class(browser):
    resize(browser, 1280)
    browser.get((SITE / "search.html").as_uri() + "?q=semihard")
    browser.implicitly_wait(10)
    results = browser.find_elements("css selector", "#search-results li a")
    assert any("SemiHard" in result.text for result in results)
