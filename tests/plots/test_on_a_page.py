"""Pictures of a search in headless Chromium: no text is cut off or lies on another, on a phone and on a desk."""

import os
from importlib.resources import files

import pytest

from plots.test_search import drawn
from report.browser import Browser, program

ASK = """[...document.querySelectorAll("svg")].flatMap((svg, number) => {
  const all = svg.getBoundingClientRect(), found = [];
  const texts = [...svg.querySelectorAll("text")].map(t => [t.lastChild.textContent, t.getBoundingClientRect()]);
  texts.forEach(([words, box], i) => {
    if (box.left < all.left - 3 || box.right > all.right + 3 || box.top < all.top - 3 || box.bottom > all.bottom + 3)
      found.push([number, words, "is cut off"]);
    for (const [others, other] of texts.slice(i + 1)) {
      const across = Math.min(box.right, other.right) - Math.max(box.left, other.left);
      const up = Math.min(box.bottom, other.bottom) - Math.max(box.top, other.top);
      if (across > 1 && up > 3) found.push([number, words, others]);  // a line is higher than its letters
    }
  });
  return found;
})"""


@pytest.fixture(scope="module")
def browser():
    if program() is None and "chromium" not in os.environ.get("JAXNN_TESTS_NEED", "").split():
        pytest.skip("Chromium is not installed: apt-get install chromium")
    with Browser() as browser:
        yield browser


def test_no_text_is_cut_off_or_lies_on_another(browser, tmp_path):
    style = (files("jaxnn.report") / "report.css").read_text(encoding="utf-8")
    cards = "".join(f'<figure class="card">{svg}</figure>' for svg in drawn())
    viewport = '<meta name="viewport" content="width=device-width, initial-scale=1">'
    page = f'<!DOCTYPE html><meta charset="utf-8">{viewport}<style>{style}</style><div class="grid">{cards}</div>'
    (tmp_path / "page.html").write_text(page, encoding="utf-8")
    for width in (360, 1280):
        browser.open(tmp_path / "page.html", width=width)
        assert browser.ask("document.querySelectorAll('svg').length") > 40
        assert browser.ask("document.documentElement.scrollWidth") <= width
        assert browser.ask(ASK) == []
