"""The page at `/` of the admin port, in a real browser, before real clusters under load.

With ``CQLPROXY_SCREENSHOTS`` a folder, what was seen is kept there.
"""

from __future__ import annotations

import json
import os
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from cassandra.cluster import Cluster, Session
from playwright.sync_api import Browser

from tests.integration.browser import DESK, PHONE, OpenPage, browser
from tests.integration.conftest import StartProxy
from tests.integration.paced_load import PacedLoad
from tests.nodes import CassandraNode, ProxyProcess
from tests.nodes.addresses import ADMIN_PORT

KEYSPACE = "on_the_wall"
HELD_BACK = "held_back"
RATE = 200
ROWS = 100
TOKEN = "correct-horse-battery-staple"
MARKUP = "<img src=x onerror=alert(1)>"

_RULES: dict[str, object] = {"table_blacklist": [f"{KEYSPACE}.{HELD_BACK}"]}


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as running:
        yield running


@pytest.fixture(scope="module")
def sessions(primary: CassandraNode, shadow: CassandraNode) -> Iterator[tuple[Session, Session]]:
    with Cluster([primary.address]) as of_primary, Cluster([shadow.address]) as of_shadow:
        both = of_primary.connect(), of_shadow.connect()
        for session in both:
            session.execute(
                f"CREATE KEYSPACE {KEYSPACE} WITH replication ="
                " {'class': 'SimpleStrategy', 'replication_factor': 1}"
            )
            for table in ("seen", HELD_BACK):
                session.execute(f"CREATE TABLE {KEYSPACE}.{table} (id bigint PRIMARY KEY, v text)")
        yield both


@pytest.fixture
def open_page(chromium: Browser) -> Iterator[list[OpenPage]]:
    """Pages to close; none may have made the browser complain, but of what the test has taken out."""
    opened: list[OpenPage] = []
    yield opened
    complaints = [complaint for page in opened for complaint in page.complaints]
    for page in opened:
        page.close()
    assert complaints == []


def switch(proxy: ProxyProcess, mode: str, *, token: str | None = None) -> None:
    """Switch the mode from elsewhere."""
    request = urllib.request.Request(
        f"http://{proxy.address}:{ADMIN_PORT}/config/mode",
        json.dumps({"mode": mode, "by": "somebody else"}).encode(),
        {"Content-Type": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})},
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert answer.status == 200


def mode_of(proxy: ProxyProcess) -> object:
    return proxy.stats()["mode"]


def test_figures_move_under_load_and_events_are_told(
    start_proxy: StartProxy, chromium: Browser, open_page: list[OpenPage], sessions: tuple[Session, Session]
) -> None:
    proxy = start_proxy(rules=_RULES, validation_percentage=50, validation_recheck_ms=50)
    shown = OpenPage(chromium, proxy)
    open_page.append(shown)
    shown.watching()
    assert (shown.tile("Reads"), shown.tile("Writes"), shown.tile("Copies")) == (0, 0, 0)
    assert "Nothing needs attention" in shown.text("#attention-list")
    with (
        PacedLoad(proxy, f"{KEYSPACE}.seen", rows=ROWS, rate=RATE) as load,
        PacedLoad(proxy, f"{KEYSPACE}.{HELD_BACK}", rows=ROWS, rate=RATE // 4) as held_back,
    ):
        near = RATE / 4
        shown.wait_until(lambda: shown.tile("Reads") > near, "reads")
        shown.wait_until(lambda: shown.tile("Writes") > near, "writes")
        shown.wait_until(lambda: shown.tile("Copies") > near, "copies")
        shown.wait_until(lambda: shown.tile("Held back") > 0, "what rules hold back")
        shown.wait_for_text("#rules", "held back: table")
        before = shown.page.locator("#plots svg .line").first.get_attribute("d")
        shown.wait_until(
            lambda: shown.page.locator("#plots svg .line").first.get_attribute("d") != before, "a moving plot"
        )
        labels = [svg.get_attribute("aria-label") or "" for svg in shown.page.locator("#plots svg").all()]
        assert len(labels) == 6
        assert all(" ms" in label and "\N{EN DASH}" not in label for label in labels[2:4]), labels
        ticks = shown.page.locator("#plots figure").nth(2).locator(".tick").all_text_contents()
        assert {"1 ms", "10 ms"} & set(ticks), ticks
        picture(shown, "light")
        load.end()
        held_back.end()
    sessions[1].execute(f"UPDATE {KEYSPACE}.seen USING TIMESTAMP 1 SET v = '{MARKUP}' WHERE id = 1")
    sessions[1].execute(f"UPDATE {KEYSPACE}.seen SET v = '{MARKUP}' WHERE id = {ROWS}")
    with Cluster([proxy.address], port=proxy.port) as of_proxy:
        session = of_proxy.connect()
        shown.wait_until(
            lambda: (
                bool(session.execute(f"SELECT v FROM {KEYSPACE}.seen WHERE id = {ROWS}"))
                and shown.tile("Differences") > 0
            ),
            "a difference",
        )
    shown.wait_for_text("#events", f"the clusters differ in a row of {KEYSPACE}.seen")
    shown.wait_for_text("#attention-list", "differed between the clusters")
    assert "onerror" not in shown.text("body"), "values of rows are in the log, and not on the wall"
    assert {url.removeprefix(shown.origin).partition("/")[0] for url in shown.requests} == {""}


def test_a_switch_asks_first_and_says_what_will_happen(
    start_proxy: StartProxy, chromium: Browser, open_page: list[OpenPage]
) -> None:
    proxy = start_proxy()
    shown = OpenPage(chromium, proxy)
    open_page.append(shown)
    page = shown.watching().page
    to_sync = page.get_by_role("button", name="Dual write, sync")

    to_sync.click()
    assert page.get_by_role("dialog").is_visible()
    assert "errors of the shadow reach clients" in shown.text("#switch-effects")
    assert page.evaluate("document.activeElement.value") == "cancel"
    picture(shown, "dialog", whole=False)
    page.keyboard.press("Enter")
    page.locator("#switch").wait_for(state="hidden")
    to_sync.press("Enter")
    page.keyboard.press("Escape")
    page.locator("#switch").wait_for(state="hidden")
    assert mode_of(proxy) == "dual_write_async"

    to_sync.click()
    page.get_by_label("Your name").fill("Ann <b>")
    page.get_by_role("button", name="Switch to Dual write, sync").click()
    shown.wait_for_text("#done", "The mode is now dual_write_sync.")
    assert mode_of(proxy) == "dual_write_sync"
    shown.wait_for_text("#mode-since", "set by Ann <b>")
    shown.wait_for_text("#events", "the mode is now dual_write_sync")
    assert to_sync.get_attribute("aria-current") == "step"
    to_sync.click()
    assert not page.get_by_role("dialog").is_visible()

    # Somebody was faster than the one who still reads.
    page.get_by_role("button", name="Shadow primary").click()
    assert "The shadow answers all reads and writes" in shown.text("#switch-effects")
    switch(proxy, "primary_only")
    page.get_by_role("button", name="Switch to Shadow primary").click()
    shown.wait_for_text("#switch-wrong", "primary_only is in force, set by somebody else")
    assert not page.locator("#switch-insist").is_visible()
    assert mode_of(proxy) == "primary_only"
    _take_out(shown, "409")


def test_a_switch_that_is_refused_says_why_and_can_be_insisted_on(
    start_proxy: StartProxy, chromium: Browser, open_page: list[OpenPage]
) -> None:
    proxy = start_proxy()
    shown = OpenPage(chromium, proxy)
    open_page.append(shown)
    page = shown.watching().page
    with urllib.request.urlopen(
        urllib.request.Request(
            f"{shown.origin}/mirror/pause", b'{"by": "a test"}', {"Content-Type": "application/json"}
        ),
        timeout=10,
    ):
        pass
    shown.wait_for_text("#attention-list", "Copies to the shadow are paused by a test")
    page.get_by_role("button", name="Dual write, sync").click()
    page.locator("#switch-go").click()
    shown.wait_for_text("#switch-wrong", "Not switched: copies to the shadow cluster are paused")
    assert mode_of(proxy) == "dual_write_async"
    page.get_by_label("Switch although it says so").check()
    page.locator("#switch-go").click()
    shown.wait_for_text("#done", "The mode is now dual_write_sync.")
    _take_out(shown, "409")


def test_only_those_with_the_token_see_and_change_anything(
    start_proxy: StartProxy, chromium: Browser, open_page: list[OpenPage]
) -> None:
    proxy = start_proxy(admin={"token": TOKEN})
    shown = OpenPage(chromium, proxy, size=PHONE, touch=True)
    open_page.append(shown)
    page = shown.page
    shown.wait_for_text("#token", "This proxy shows itself to those who have its admin token.")
    assert page.evaluate("document.activeElement.id") == "token-input"
    assert not page.locator("#main").is_visible()
    page.get_by_label("This proxy shows itself").fill("wrong")
    page.get_by_role("button", name="Watch").click()
    shown.wait_for_text("#token-wrong", "That is not the admin token of this proxy.")
    assert not page.locator("#main").is_visible()
    picture(shown, "token", whole=False)
    page.get_by_label("This proxy shows itself").fill(TOKEN)
    page.keyboard.press("Enter")
    shown.watching()
    page.get_by_role("button", name="Primary only").click()
    page.get_by_role("button", name="Switch to Primary only").click()
    shown.wait_for_text("#done", "The mode is now primary_only.")
    assert not [url for url in shown.requests if TOKEN in url]
    page.reload()
    shown.watching()
    page.get_by_role("button", name="Forget the token").click()
    page.locator("#token").wait_for()
    assert page.evaluate("JSON.stringify({...sessionStorage, ...localStorage}) + document.cookie") == "{}"
    _take_out(shown, "401")


def test_rules_are_read_again_when_that_is_confirmed(
    start_proxy: StartProxy, chromium: Browser, open_page: list[OpenPage]
) -> None:
    proxy = start_proxy(rules=_RULES)
    shown = OpenPage(chromium, proxy)
    open_page.append(shown)
    page = shown.watching().page
    reload = page.locator("#reload")

    reload.click()
    shown.wait_for_text("#reread-effects", "rules.yaml is read")
    page.get_by_role("button", name="Cancel").click()
    proxy.rules_file.write_text("filters: [")
    reload.click()
    page.get_by_role("button", name="Read it now").click()
    shown.wait_for_text("#reread-wrong", "the rules of before stay in force")
    shown.wait_for_text("#attention-list", "The rules file cannot be used")
    page.keyboard.press("Escape")
    proxy.write_rules({"table_blacklist": ["a.b"]})
    reload.click()
    page.get_by_role("button", name="Read it now").click()
    shown.wait_for_text("#done", "rule")
    shown.wait_for_text("#events", "the rules of the file are in force")
    shown.wait_for_text("#attention-list", "Nothing needs attention")
    _take_out(shown, "409")


def test_it_says_since_when_it_is_not_connected_and_comes_back_by_itself(
    start_proxy: StartProxy, chromium: Browser, open_page: list[OpenPage], shadow: CassandraNode
) -> None:
    proxy = start_proxy()
    shown = OpenPage(chromium, proxy, scheme="dark")
    open_page.append(shown)
    page = shown.watching().page
    proxy.stop()
    shown.wait_for_text("#away", "Not connected since")
    assert shown.text("#connection") == "Not connected"
    assert "Not connected" in page.title()
    before = shown.text("#away")
    shown.wait_until(lambda: shown.text("#away") != before, "how long it has been")
    picture(shown, "away", whole=False)
    proxy.start()
    shown.watching()
    page.locator("#away").wait_for(state="hidden")
    assert "up " in shown.text("#uptime")

    # A node that stands still is found out by its silence.
    shadow.pause()
    shown.wait_for_text("#clusters", "down")
    shown.wait_for_text("#attention-list", "No node of the shadow is connected.")
    shown.wait_for_text("#events", "a node is silent")
    picture(shown, "dark")
    shadow.resume()
    shown.wait_for_text("#attention-list", "Nothing needs attention.")
    # What the browser says of a proxy that is away is no fault of the page.
    _take_out(shown, "ERR_")


def test_it_fits_a_phone_and_is_legible_in_both_schemes(
    start_proxy: StartProxy, chromium: Browser, open_page: list[OpenPage]
) -> None:
    proxy = start_proxy(rules=_RULES)
    looks: list[tuple[tuple[int, int], Literal["light", "dark"]]] = [
        (PHONE, "light"),
        (PHONE, "dark"),
        (DESK, "light"),
        (DESK, "dark"),
    ]
    for size, scheme in looks:
        shown = OpenPage(chromium, proxy, size=size, touch=size == PHONE, scheme=scheme)
        open_page.append(shown)
        page = shown.watching().page
        page.get_by_role("button", name="Target only").click()
        for element in ("document.documentElement", "document.querySelector('dialog[open]')"):
            fits = page.evaluate(f"{element}.scrollWidth <= {element}.clientWidth")
            assert fits, f"{element} scrolls sideways at {size}"
        page.keyboard.press("Escape")
        assert page.evaluate(_TOO_FAINT) == []
        background = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (sum(map(int, background[4:-1].split(","))) < 3 * 64) == (scheme == "dark")
        if size == PHONE:
            picture(shown, f"phone-{scheme}")
            heights = page.evaluate(
                "[...document.querySelectorAll('#track button')].map(b => b.offsetHeight)"
            )
            assert min(heights) >= 32, "as large as a finger needs it"
            continue
        reached = set()
        for _ in range(12):
            page.keyboard.press("Tab")
            reached.add(page.evaluate("document.activeElement.id"))
        assert {"to-primary_only", "to-target_only", "reload", "events"} <= reached


def test_numbers_and_effects_are_in_words_that_are_right(
    start_proxy: StartProxy, chromium: Browser, open_page: list[OpenPage]
) -> None:
    shown = OpenPage(chromium, start_proxy())
    open_page.append(shown)
    page = shown.watching().page
    words = page.evaluate(_IN_WORDS)
    assert words["short"] == ["0", "0.35", "12.4", "100", "1,240", "99,949", "100 k", "254 k", "5.1 M"]
    assert words["duration"] == [
        "0 ms",
        "850 ms",
        "1.5 s",
        "12 s",
        "1 min 0 s",
        "2 min 5 s",
        "3 h 12 min",
        "4 d 2 h",
    ]
    assert words["milliseconds"] == ["0.42 ms", "12.5 ms", "1.25 s"]
    assert words["bytes"] == ["12 bytes", "1.5 KiB", "10 GiB"]
    assert words["linear"] == [[0, 0.5, 1], [0, 5, 10, 15], [0, 200, 400, 600]]
    assert words["logarithmic"] == [[0.1, 1, 10, 100], [1, 10, 100], [0.1, 1, 10, 100, 1000]]
    lacking = {
        (old, new): next((text for text in said if "Nothing is copied to" in text), None)
        for old, new, said in words["effects"]
    }
    assert len(lacking) == 20
    # A way back is lost, and said to be, exactly where the cluster that answered gets no copies.
    lost = {("dual_write_async", "primary_only"): "shadow", ("dual_write_sync", "primary_only"): "shadow"}
    lost |= {(old, "target_only"): "primary" for old in _MODES[:4]}
    lost |= {(old, "primary_only"): "shadow" for old in _MODES[3:]}
    missed = {
        (old, new) for old, new, said in words["effects"] if any("will miss there" in one for one in said)
    }
    assert missed == {
        *(("primary_only", new) for new in _MODES[3:]),
        *(("target_only", new) for new in _MODES[:3]),
    }
    for pair, text in lacking.items():
        assert (lost.get(pair) in (text or "")) if pair in lost else text is None, (pair, text)


_MODES = ("primary_only", "dual_write_async", "dual_write_sync", "shadow_primary", "target_only")

_IN_WORDS = """
async () => {
  const words = await import("/page/words.js");
  const {linear, logarithmic} = await import("/page/picture.js");
  const {PHASES, effects} = await import("/page/phases.js");
  const clusters = ["primary", "shadow"].map(name => ({name, ready: true, nodes: []}));
  const pairs = PHASES.flatMap(from => PHASES.filter(to => to !== from).map(to => [from, to]));
  return {
    short: [0, 0.35, 12.4, 100.4, 1240, 99949, 99951, 254_000, 5_100_000].map(words.short),
    duration: [0, 0.85, 1.5, 12.3, 60, 125, 11520, 354_000].map(words.duration),
    milliseconds: [0.42, 12.5, 1250].map(words.milliseconds),
    bytes: [12, 1536, 10 * 2 ** 30].map(words.bytes),
    linear: [[], [11, 3], [590]].map(values => linear(values).ticks),
    logarithmic: [[], [2, 40], [0.5, 0, 900]].map(values => logarithmic(values).ticks),
    effects: pairs.map(([from, to]) => [from.mode, to.mode,
      effects(to, {mode: {mode: from.mode}, clusters, mirrors: []}).map(({text}) => text)]),
  };
}
"""

_TOO_FAINT = """
() => {
  const channel = value => {
    const share = value / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  };
  const light = color => {
    const [red, green, blue] = color.match(/[\\d.]+/g).map(Number);
    return 0.2126 * channel(red) + 0.7152 * channel(green) + 0.0722 * channel(blue);
  };
  const behind = element => {
    for (let one = element; one; one = one.parentElement) {
      const color = getComputedStyle(one).backgroundColor;
      if (color !== "rgba(0, 0, 0, 0)") return color;
    }
    return "rgb(255, 255, 255)";
  };
  const faint = [];
  for (const element of document.querySelectorAll("main *, header *")) {
    const own = [...element.childNodes].some(node => node.nodeType === 3 && node.textContent.trim());
    if (!own || !element.checkVisibility() || element.closest(":disabled")) continue;
    const style = getComputedStyle(element);
    const color = element.closest("svg") ? style.fill : style.color;
    const [one, other] = [light(color), light(behind(element))].sort((a, b) => b - a);
    if ((one + 0.05) / (other + 0.05) >= 4.5) continue;
    faint.push(element.textContent + " " + color + " on " + behind(element));
  }
  return faint;
}
"""
"""Texts of which the contrast is under what WCAG 2 asks for (AA)."""


def picture(shown: OpenPage, name: str, *, whole: bool = True) -> None:
    if folder := os.environ.get("CQLPROXY_SCREENSHOTS"):
        shown.page.screenshot(path=Path(folder) / f"{name}.png", full_page=whole)


def _take_out(shown: OpenPage, what: str) -> None:
    """The browser tells of each answer that is no success; these were meant."""
    shown.complaints[:] = [complaint for complaint in shown.complaints if what not in complaint]
