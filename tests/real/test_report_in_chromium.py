"""The page in a real browser: nothing goes wrong, nothing is asked for, every figure can be seen."""

import plot_figures
import pytest
import report
from chromium import CHROMIUM, chromium
from report_fixture import FIGURES, write_run

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium is installed: apt-get install chromium")

SIZES = """Object.fromEntries([...document.querySelectorAll("figure")].map(function (figure) {
  var box = figure.querySelector("svg").getBoundingClientRect(); return [figure.id, [box.width, box.height]]; }))"""

#: Clicks on a head of the main table and returns the column's sort keys, as they stand.
SORT = """(function () {
  var head = document.querySelectorAll("#table-hit_rate th")[3]; head.querySelector("button").click();
  return [...document.querySelectorAll("#table-hit_rate tbody tr")].map(function (row) {
    var key = row.cells[3].getAttribute("data-sort"); return key === null ? null : Number(key); }); })()"""


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """Return the path of a page."""
    inputs, outputs, settings = write_run(tmp_path_factory.mktemp("page"))
    plot_figures.main(inputs, outputs["figures"], settings)
    files = {name: path for name, path in outputs.items() if name != "figures"}
    report.main({**inputs, "figures": list(outputs["figures"].values())}, files, settings)
    return outputs["html"]


@pytest.fixture(scope="module")
def browser(page, tmp_path_factory):
    """Return a browser that shows the page."""
    with chromium(tmp_path_factory.mktemp("profile")) as running:
        running.open(page.as_uri())
        yield running


def test_nothing_is_wrong_and_nothing_leaves_the_page(browser, page):
    asked = {event["request"]["url"] for event in browser.parameters("Network.requestWillBeSent")}
    assert asked == {page.as_uri()} | {url for url in asked if url.startswith("data:")}
    assert browser.parameters("Runtime.exceptionThrown") == []
    assert browser.parameters("Runtime.consoleAPICalled") == []
    assert [event["entry"] for event in browser.parameters("Log.entryAdded")] == []


def test_every_figure_has_size(browser):
    sizes = browser.evaluate(SIZES)
    assert sorted(sizes) == sorted(f"figure-{name}" for name in FIGURES)
    assert all(width > 200 and height > 80 for width, height in sizes.values()), sizes


def test_a_click_sorts_a_table_and_a_second_turns_it_round(browser):
    down = browser.evaluate(SORT)
    known = [key for key in down if key is not None]
    assert len(set(known)) > 3 and down == [*sorted(known, reverse=True), *[None] * (len(down) - len(known))]
    assert browser.evaluate(SORT) == [*sorted(known), *[None] * (len(down) - len(known))]


def test_a_phone_scrolls_tables_and_not_the_page(browser):
    browser.call("Emulation.setDeviceMetricsOverride", width=390, height=800, deviceScaleFactor=1, mobile=True)
    try:
        assert browser.evaluate("document.documentElement.scrollWidth") <= 390
    finally:
        browser.call("Emulation.clearDeviceMetricsOverride")


def test_the_page_is_small_and_its_time_to_load_is_printed(browser, page):
    assert page.stat().st_size < 5_000_000
    timing = browser.evaluate("performance.getEntriesByType('navigation')[0].toJSON()")
    print(f"loaded in {timing['loadEventEnd'] / 1000:.2f} s, {page.stat().st_size / 1e6:.2f} MB")
