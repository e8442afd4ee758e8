"""The report in headless Chromium: quiet, without requests, on a phone and on a desk, light and dark."""

import os

import pytest

from jaxnn.report import page
from report.browser import Browser, program


@pytest.fixture(scope="module")
def browser():
    if program() is None and "chromium" not in os.environ.get("JAXNN_TESTS_NEED", "").split():
        pytest.skip("Chromium is not installed: apt-get install chromium")
    with Browser() as browser:
        yield browser


@pytest.fixture(scope="module")
def pages(every_document, tmp_path_factory):
    folder = tmp_path_factory.mktemp("pages")
    paths = []
    for number, document in enumerate(every_document):
        path = folder / f"{number}.html"
        path.write_text(page(document), encoding="utf-8")
        paths.append(path)
    return paths


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [360, 820, 1280])
def test_a_page_is_quiet_and_fits(browser, pages, width, dark):
    for path in pages:
        browser.open(path, width=width, dark=dark)
        assert browser.complaints() == []
        assert browser.requests() == [path.absolute().as_uri()]
        assert browser.ask("document.documentElement.scrollWidth") <= width
        assert browser.ask("window.alerted") is None


def test_every_picture_has_a_size_and_lies_in_its_card(browser, pages):
    ask = """[...document.querySelectorAll(".panel")].forEach(p => p.style.display = "grid");
    [...document.querySelectorAll("svg, img")].map(picture => {
      const box = picture.getBoundingClientRect(), card = picture.closest(".card, .gauge").getBoundingClientRect();
      const inside = picture.closest(".scroll") || (box.left >= card.left - 1 && box.right <= card.right + 1);
      return [box.width > 20 && box.height > 20, Boolean(inside)];
    })"""
    for path in pages:
        for width in (360, 1280):
            found = browser.open(path, width=width).ask(ask)
            assert found, path
            assert all(size and inside for size, inside in found)


def test_text_of_pictures_is_not_cut(browser, pages):
    """No label reaches over the edge of its picture: it would be hidden, or lie on its neighbour."""
    ask = """[...document.querySelectorAll("svg")].flatMap(svg => {
      const all = svg.getBoundingClientRect();
      if (!all.width) return [];
      return [...svg.querySelectorAll("text")].filter(text => {
        const box = text.getBoundingClientRect();
        return box.left < all.left - 3 || box.right > all.right + 3 || box.top < all.top - 3;
      }).map(text => text.textContent);
    })"""
    for path in pages:
        for width in (360, 1280):
            assert browser.open(path, width=width).ask(ask) == []


def test_the_page_is_light_or_dark_as_asked(browser, pages):
    colour = "getComputedStyle(document.body).backgroundColor"
    curve = "getComputedStyle(document.querySelector('path.l.a')).stroke"
    light, light_curve = browser.open(pages[0]).ask(colour), browser.ask(curve)
    assert light == "rgb(246, 245, 241)"
    dark, dark_curve = browser.open(pages[0], dark=True).ask(colour), browser.ask(curve)
    assert dark == "rgb(20, 22, 26)"
    assert light_curve != dark_curve
    assert browser.ask("document.getElementById('light').click(), " + colour) == light
    assert browser.ask("document.getElementById('dark').click(), " + colour) == dark


def test_names_that_are_scripts_do_not_run(browser, pages, hostile_document):
    browser.open(pages[2])
    assert browser.complaints() == []  # an alert would be one, and so would a script that the policy stops
    assert browser.ask("document.querySelectorAll('script').length") == 1
    assert browser.ask("document.querySelectorAll('img[src=x]').length") == 0
    assert browser.ask("document.title").startswith("<script>alert(7)</script>.csv: ")
    names = browser.ask("[...document.querySelectorAll('#columns tbody th')].map(th => th.title)")
    assert names == [column.name for column in hostile_document.columns]


def test_the_slider_moves_the_threshold(browser, pages, digits_document):
    browser.open(pages[0])
    panel = "document.querySelector('.panel0 [data-sweep]')"
    assert browser.ask(f"{panel}.querySelector('.slider').hidden") is False
    before = browser.ask(f"{panel}.querySelector('output').textContent")
    sweep = digits_document.classes.sweeps[0]
    at = max(i for i, t in enumerate(sweep.thresholds) if t <= 0.9)
    browser.ask(f"""{panel}.querySelector('input').value = 0.9,
      {panel}.querySelector('input').dispatchEvent(new Event('input'))""")
    after = browser.ask(f"{panel}.querySelector('output').textContent")
    assert after.startswith("above 0.90: precision ") and f"F1 {sweep.f1[at]:.3f}" in after
    assert after != before
    # the axis runs from 60 to 370
    assert browser.ask(f"{panel}.querySelector('.cursor').getAttribute('d')").startswith("M339,")


def test_a_class_is_chosen_without_a_script(browser, pages):
    browser.open(pages[0], javascript=False)
    browser.send("Emulation.setScriptExecutionDisabled", value=False)  # to ask; the page's own has not run
    shown = "[...document.querySelectorAll('.panel')].map(panel => getComputedStyle(panel).display != 'none')"
    assert browser.ask(shown) == [True] + [False] * 9
    browser.ask("document.querySelector('label[for=class3]').click()")
    assert browser.ask(shown) == [False] * 3 + [True] + [False] * 6
    assert browser.ask("document.querySelector('.slider').hidden") is True


def test_it_prints_on_a_few_pages(browser, pages):
    browser.open(pages[0])
    assert browser.send("Page.printToPDF", paperWidth=8.27, paperHeight=11.69)["data"].startswith("JVBERi0")
