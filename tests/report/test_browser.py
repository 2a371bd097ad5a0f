"""The page in a real browser, from a file, offline."""

import base64
import json
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("selenium", reason="selenium is not installed")
if not (shutil.which("chromium") and shutil.which("chromedriver")):
    pytest.skip("chromium and chromedriver are not installed", allow_module_level=True)

from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select, WebDriverWait

from cnncompare.report.command import main
from tests.comparison.factory import write_run

FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-background-networking "
    "--disable-component-update --disable-sync --no-first-run --window-size=1400,1000"
)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    options = Options()
    options.binary_location = shutil.which("chromium") or ""
    for flag in (*FLAGS.split(), f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(service=Service(shutil.which("chromedriver")), options=options)
    yield driver
    driver.quit()


def opened(browser: Any, root: Path) -> Any:
    """Open the report below `root` and wait until its figures are drawn."""
    browser.get((root / "report.html").as_uri())
    script = "return document.documentElement.dataset.drawn === 'all'"
    WebDriverWait(browser, 60).until(lambda d: d.execute_script(script))
    return browser


@pytest.fixture
def page(browser: Any, written: Path) -> Any:
    return opened(browser, written)


def test_every_figure_is_drawn_offline_without_console_messages(page: Any) -> None:
    assert page.get_log("browser") == []
    logged = [json.loads(entry["message"])["message"] for entry in page.get_log("performance")]
    requested = [
        entry["params"]["request"]["url"]
        for entry in logged
        if entry["method"] == "Network.requestWillBeSent"
    ]
    outside = [url for url in requested if not url.startswith(("file:", "data:", "chrome"))]
    assert outside == []
    charts = page.find_elements(By.CSS_SELECTOR, ".chart")
    assert len(charts) > 10
    assert all(chart.find_elements(By.CSS_SELECTOR, "svg") for chart in charts)
    labels = [chart.get_attribute("aria-label") for chart in charts]
    assert len(set(labels)) == len(labels)
    assert any(label.startswith("Pareto front of test top-1") for label in labels)


@pytest.mark.usefixtures("no_figures")
def test_two_models_on_the_front_are_drawn_without_console_messages(
    browser: Any, tmp_path: Path
) -> None:
    write_run(tmp_path, "small", 0, np.arange(50) < 30, params=1_000, epoch_s=1.0)
    write_run(tmp_path, "large", 0, np.arange(50) < 40, params=90_000, epoch_s=90.0)
    main([str(tmp_path)])
    opened(browser, tmp_path)
    assert browser.get_log("browser") == []


def models(page: Any) -> list[str]:
    rows = page.find_elements(By.CSS_SELECTOR, "#table-1 table:first-of-type tbody tr")
    return [row.find_element(By.TAG_NAME, "th").text for row in rows if row.is_displayed()][:3]


def test_clicking_a_heading_sorts(page: Any) -> None:
    heads = page.find_elements(By.CSS_SELECTOR, "#table-1 table.sortable thead button")
    head = next(h for h in heads if h.text == "epoch (s)")
    assert models(page)[-1] == "lenet5"
    page.execute_script("arguments[0].click(); arguments[0].click()", head)
    assert models(page)[0] == "lenet5"
    assert head.find_element(By.XPATH, "..").get_attribute("aria-sort") == "ascending"


def test_typing_filters(page: Any) -> None:
    box = page.find_element(By.CSS_SELECTOR, ".filter input")
    box.send_keys("lenet")
    assert models(page)[:1] == ["lenet5"]
    table = page.find_element(By.CSS_SELECTOR, "#table-1 table.sortable")
    assert (
        len([r for r in table.find_elements(By.CSS_SELECTOR, "tbody tr") if r.is_displayed()]) == 1
    )


def test_the_tooltip_of_a_dot_has_its_numbers_and_no_name_is_executed(page: Any) -> None:
    figure = page.find_element(By.ID, "figure-pareto-params")
    page.execute_script(
        "arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", figure
    )
    for dot in figure.find_elements(By.CSS_SELECTOR, ".mark-symbol path"):
        ActionChains(page).move_to_element(dot).perform()
        tip = WebDriverWait(page, 10).until(
            lambda d: d.find_element(By.CSS_SELECTOR, "#vg-tooltip-element.visible")
        )
        assert "parameters" in tip.text
    # an alert from the malicious name would have raised UnexpectedAlertPresentException


def test_the_chooser_shows_the_figure_of_another_cost(page: Any) -> None:
    figure = page.find_element(By.CSS_SELECTOR, ".chooser")
    before = figure.find_element(By.CSS_SELECTOR, ".chart").get_attribute("aria-label")
    Select(figure.find_element(By.TAG_NAME, "select")).select_by_visible_text("total time (s)")
    after = figure.find_element(By.CSS_SELECTOR, ".chart").get_attribute("aria-label")
    assert before != after
    assert "by total time (s)" in after
    WebDriverWait(page, 20).until(
        lambda d: "total time" in figure.find_element(By.TAG_NAME, "svg").text
    )
    link = figure.find_element(By.CSS_SELECTOR, ".files a").get_attribute("href")
    assert Path(link.removeprefix("file://")).is_file()


def test_the_title_is_the_answer_and_the_contents_bar_leads_to_the_sections(page: Any) -> None:
    title = page.find_element(By.TAG_NAME, "h1").text
    assert "significantly better than lenet5; statistically tied with" in title
    assert page.title == title
    links = page.find_elements(By.CSS_SELECTOR, ".contents a")
    assert len(links) >= 8
    for link in links:
        anchor = link.get_attribute("href").rpartition("#")[2]
        assert page.find_elements(By.ID, anchor), anchor
    foot = page.find_element(By.TAG_NAME, "footer").text
    for part in ("Written 20", "cnncompare 0.", "Test CPU", "cnncompare report"):
        assert part in foot


def test_the_switch_shows_all_columns(page: Any) -> None:
    table = page.find_element(By.ID, "results-table-1")
    button = page.find_element(By.CSS_SELECTOR, ".switch")

    def visible() -> int:
        heads = table.find_elements(By.CSS_SELECTOR, "thead th")
        return sum(head.is_displayed() for head in heads)

    assert visible() == 8
    page.execute_script("arguments[0].click()", button)
    assert visible() == len(table.find_elements(By.CSS_SELECTOR, "thead th")) > 8
    assert button.get_attribute("aria-pressed") == "true"


def test_terms_have_tooltips_at_the_keyboard(page: Any) -> None:
    term = page.find_element(By.CSS_SELECTOR, ".term")
    page.execute_script("arguments[0].focus()", term)
    tip = page.find_element(By.ID, "tip")
    assert tip.is_displayed()
    assert tip.text == term.get_attribute("aria-description")


def test_p_presents_one_slide_at_a_time(page: Any) -> None:
    body = page.find_element(By.TAG_NAME, "body")
    body.send_keys("p")
    shown = page.find_elements(By.CSS_SELECTOR, ".shown")
    assert [slide.tag_name for slide in shown] == ["header"]
    total = int(page.find_element(By.ID, "slide-number").text.partition("/")[2])
    seen = set()
    for _ in range(total):
        (slide,) = page.find_elements(By.CSS_SELECTOR, ".shown")
        box = page.execute_script("return arguments[0].getBoundingClientRect().toJSON()", slide)
        assert box["width"] >= 0.99 * page.execute_script("return innerWidth")
        seen.add(slide.id)
        body.send_keys(Keys.ARROW_RIGHT)
    assert len(seen) == total > 10
    body.send_keys(Keys.ESCAPE)
    assert page.find_elements(By.CSS_SELECTOR, ".shown") == []


def test_a_number_links_to_its_run_and_command(page: Any) -> None:
    row = next(
        r
        for r in page.find_elements(By.CSS_SELECTOR, "#table-1 table.sortable tbody tr")
        if r.text.startswith("lenet5")
    )
    page.execute_script("arguments[0].click()", row.find_element(By.CSS_SELECTOR, "td.number a"))
    opened = page.find_element(By.CSS_SELECTOR, "details.runs[open]")
    assert "python -m cnncompare model=lenet5 seed=0" in opened.text
    links = [a.get_attribute("href") for a in opened.find_elements(By.TAG_NAME, "a")]
    config = next(link for link in links if link.endswith("config.yaml"))
    assert Path(config.removeprefix("file://")).is_file()


def cdp(page: Any, width: int, scheme: str) -> None:
    metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
    page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    feature = {"name": "prefers-color-scheme", "value": scheme}
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})


@pytest.fixture
def shown_at(browser: Any, written: Path) -> Iterator[Callable[[int, str], Any]]:
    def show(width: int, scheme: str) -> Any:
        cdp(browser, width, scheme)
        return opened(browser, written)

    yield show
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    cdp(browser, 1400, "light")


@pytest.mark.parametrize("width", [390, 1024, 1280])
def test_the_main_table_fits_the_window(shown_at: Callable[[int, str], Any], width: int) -> None:
    page = shown_at(width, "light")
    assert page.execute_script("return document.documentElement.scrollWidth") <= width
    script = "const t = document.getElementById('results-table-1').parentElement;"
    overflow = page.execute_script(script + "return t.scrollWidth - t.clientWidth")
    assert overflow == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_has_a_contrast_of_4_5(shown_at: Callable[[int, str], Any], scheme: str) -> None:
    assert shown_at(1280, scheme).execute_script(LOW_CONTRAST) == []


# Texts of the page and its figures whose colour is too close to the colour behind them.
LOW_CONTRAST = """
  const rgb = (c) => (c.match(/[\\d.]+/g) || [0, 0, 0, 0]).map(Number);
  const luminance = (c) => { const [r, g, b] = c.map((v) => v / 255)
    .map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const ground = (e) => { for (let at = e; at; at = at.parentElement) {
    const c = rgb(getComputedStyle(at).backgroundColor);
    if (c.length === 3 || c[3] > 0.5) return c; } return [255, 255, 255]; };
  const cells = (e) => e.closest("#figure-pairs, #figure-agreement, [id^='figure-confusion']")
    && e.closest(".mark-text"); // on cells of their own
  const found = [];
  for (const e of document.querySelectorAll("body *:not(script):not(style):not(option)")) {
    const own = [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
    if (!own || !e.checkVisibility() || cells(e)) continue;
    const style = getComputedStyle(e);
    const text = luminance(rgb(e.ownerSVGElement ? style.fill : style.color));
    const behind = luminance(ground(e.ownerSVGElement ? e.closest(".chart") : e));
    const ratio = (Math.max(text, behind) + 0.05) / (Math.min(text, behind) + 0.05);
    if (ratio < 4.5) found.push([e.textContent.trim().slice(0, 30), ratio.toFixed(1)]);
  }
  return found;
"""


def test_the_dark_theme_has_light_text_in_figures(shown_at: Callable[[int, str], Any]) -> None:
    page = shown_at(1400, "dark")
    script = """
      const seen = (s) => getComputedStyle(document.querySelector(s));
      const sum = (c) => c.match(/\\d+/g).slice(0, 3).reduce((a, b) => a + +b, 0);
      return [sum(seen("body").backgroundColor), sum(seen(".chart .role-axis-label text").fill)];
    """
    background, text = page.execute_script(script)
    assert background < 150
    assert text > 500


def test_the_page_can_be_printed(page: Any, tmp_path: Path) -> None:
    printed = page.execute_cdp_cmd(
        "Page.printToPDF", {"printBackground": True, "preferCSSPageSize": True}
    )
    content = base64.b64decode(printed["data"])
    assert content.startswith(b"%PDF")
    assert len(content) > 50_000
    assert len(re.findall(rb"/Type\s*/Page\b", content)) <= 4
