"""How the page looks and sounds: names, contrast, sizes, motion, and that nothing jumps."""

import pytest

from tests.web.page.on_page import STROKES, after, drag, draw, is_ready, places, rested, wait_for

# WCAG 2.2's contrast of all that is written, against what is painted behind it.
CONTRASTS = """() => {
    const channels = (color) => {
        const context = new OffscreenCanvas(1, 1).getContext("2d");
        context.fillStyle = color;
        context.fillRect(0, 0, 1, 1);
        return context.getImageData(0, 0, 1, 1).data;
    };
    const luminance = ([...rgb]) => rgb.slice(0, 3).map((value) => value / 255)
        .map((value) => value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4)
        .reduce((sum, value, index) => sum + value * [0.2126, 0.7152, 0.0722][index], 0);
    const behind = (element) => {
        for (let one = element; one; one = one.parentElement) {
            const color = channels(getComputedStyle(one).backgroundColor);
            if (color[3] === 255) return color;
        }
        return [255, 255, 255];
    };
    const found = [];
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
        const element = texts.currentNode.parentElement;
        const text = texts.currentNode.data.trim();
        if (!text || !element.checkVisibility({ visibilityProperty: true })) continue;
        if (element.closest(":disabled, template, style, script")) continue;
        const [light, dark] = [channels(getComputedStyle(element).color), behind(element)]
            .map(luminance).sort((one, other) => other - one);
        found.push([(light + 0.05) / (dark + 0.05), text]);
    }
    return found;
}"""
SHIFTS = """
window.shifts = [];
new PerformanceObserver((list) => window.shifts.push(...list.getEntries().map((entry) => entry.value)))
    .observe({ type: 'layout-shift', buffered: true });
"""


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_all_that_is_written_can_be_read(new_page, host, theme):
    page = new_page(color_scheme=theme)
    page.goto(host.url)
    is_ready(page)
    draw(page, STROKES)
    page.set_input_files("#file", {"name": "x.png", "mimeType": "image/png", "buffer": b"no picture"})
    wait_for(page, "!document.getElementById('problem').hidden")
    contrasts = page.evaluate(CONTRASTS)
    assert len(contrasts) > 40
    assert [one for one in contrasts if one[0] < 4.5] == []


def test_the_theme_is_chosen_and_kept(new_page, host):
    page = new_page(color_scheme="light")
    page.goto(host.url)
    color = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(color)
    page.click("#theme")
    dark = page.evaluate(color)
    assert dark != light
    assert page.get_attribute("#theme", "aria-pressed") == "true"
    page.reload()
    assert page.evaluate(color) == dark
    page.click("#theme")
    assert page.evaluate(color) == light


@pytest.mark.parametrize("width", [320, 600, 1024, 1920])
def test_nothing_is_wider_than_the_window(new_page, host, width):
    page = new_page(viewport={"width": width, "height": 700})
    page.goto(host.url)
    is_ready(page)
    draw(page, STROKES[:1])
    assert page.evaluate("document.documentElement.scrollWidth") == width
    page.click("#found .card >> nth=0")
    assert page.evaluate("document.querySelector('dialog').getBoundingClientRect().right") <= width


def test_nothing_jumps_while_results_change(new_page, host):
    page = new_page(SHIFTS)
    page.goto(host.url)
    is_ready(page)
    page.wait_for_timeout(100)
    page.evaluate("window.shifts.length = 0")
    heights = set()
    for stroke in STROKES:
        draw(page, [stroke])
        heights.add(page.evaluate("document.getElementById('found').offsetHeight"))
    page.click("#clear")
    is_ready(page)
    heights.add(page.evaluate("document.getElementById('found').offsetHeight"))
    page.wait_for_timeout(100)
    assert sum(page.evaluate("window.shifts")) < 0.01
    assert len(heights) == 1


def test_everything_has_a_name_for_who_cannot_see_it(page):
    draw(page, STROKES[:1])
    devtools = page.context.new_cdp_session(page)
    nodes = devtools.send("Accessibility.getFullAXTree")["nodes"]
    named = [
        (node["role"]["value"], node["name"]["value"])
        for node in nodes
        if not node["ignored"] and "name" in node
    ]
    wanted = {("application", "Paper to draw on"), ("heading", "Draw, and find the photo"), ("list", "Found")}
    tools = ("Pen", "Eraser", "Undo", "Redo", "Clear", "Replay", "Open a picture", "Dark")
    wanted |= {("button", name) for name in tools}
    assert wanted <= set(named)
    found = [name for role, name in named if role == "button" and "distance" in name]
    assert len(found) == 12
    assert found[0].startswith("1: ")
    assert not [role for role, name in named if role in ("button", "image", "textbox", "dialog") and not name]
    # Identifiers that labels refer to are there, once.
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map((one) => one.id)")
    assert len(ids) == len(set(ids))
    referred = page.evaluate(
        "[...document.querySelectorAll('[aria-labelledby], [aria-describedby], label[for]')].flatMap((one) =>"
        "['aria-labelledby', 'aria-describedby', 'for'].map((name) => one.getAttribute(name)))"
    )
    assert set(referred) - {None} <= set(ids)


def test_what_is_found_is_read_aloud_when_the_hand_rests(page):
    found = draw(page, STROKES)
    spoken = wait_for(page, "document.getElementById('announcement').textContent")
    name = found["results"][0]["name"].removesuffix(".png")
    assert spoken == f"12 photos found. The nearest: {name}."
    assert page.get_attribute("#announcement", "aria-live") == "polite"


def tab_to(page, selector):
    """Presses Tab until the focus is there; returns what it went by, and how each looked."""
    passed = []
    while not passed or not page.evaluate(f"document.activeElement.matches('{selector}')"):
        assert len(passed) < 40, passed
        page.keyboard.press("Tab")
        passed.append(
            page.evaluate(
                "[document.activeElement.id || document.activeElement.classList[0],"
                "getComputedStyle(document.activeElement).outlineStyle]"
            )
        )
    return passed


def test_the_keyboard_reaches_everything_in_order_and_is_seen(page):
    tab_to(page, "#theme")
    draw(page, STROKES[:1])
    passed = tab_to(page, "#found li:last-child .card")
    order = [name for name, _ in passed]
    # Redo has nothing to do.
    assert order == ["pen", "eraser", "undo", "clear", "replay", "open", *["card"] * 12]
    assert {style for _, style in passed} == {"solid"}


def test_only_the_keyboard_is_needed(page):
    def press(*keys):
        for key in keys:
            page.keyboard.press(key)

    tab_to(page, "#pad")
    found = after(page, lambda: press(" ", *["ArrowRight", "ArrowDown"] * 4, " "))
    assert found["results"]
    tab_to(page, ".card")
    press("Enter")
    assert page.locator("dialog").is_visible()
    press("Escape")
    assert page.locator("dialog").is_hidden()
    press("Control+z")
    is_ready(page)


def test_less_motion_is_none(new_page, host):
    page = new_page(reduced_motion="reduce")
    page.route("**/gallery/embeddings.bin", lambda route: None)  # Loading for ever.
    page.goto(host.url)
    wait_for(page, "document.getElementById('found').classList.contains('loading')")
    assert page.evaluate("document.getAnimations().length") == 0
    moving = new_page(reduced_motion="no-preference")
    moving.route("**/gallery/embeddings.bin", lambda route: None)
    moving.goto(host.url)
    wait_for(moving, "document.getAnimations().length > 0")


def test_photos_that_stay_keep_their_pictures_and_the_focus(page):
    draw(page, STROKES[:2])
    page.evaluate("document.querySelectorAll('#found .card').forEach((card) => (card.marked = true))")
    page.focus("#found li:nth-child(3) .card")
    after(page, lambda: page.keyboard.press("Control+z"))
    assert page.evaluate("[...document.querySelectorAll('#found .card')].some((card) => card.marked)")
    assert page.evaluate("document.activeElement.classList.contains('card')")


@pytest.mark.parametrize("kind", ["static", "server"])
def test_nothing_is_asked_from_elsewhere_and_the_policy_stops_what_tries(new_page, host, server, kind):
    page = new_page()
    url = (host if kind == "static" else server).url
    page.goto(url)
    is_ready(page)
    draw(page, STROKES[:1])
    assert len(page.urls) > 10
    assert [one for one in page.urls if not one.startswith((url, "data:"))] == []
    assert not any("Content Security Policy" in message for message in page.messages)
    sent = page.evaluate("fetch('http://127.0.0.2:9/').then(() => 'sent', (error) => error.message)")
    assert sent == "Failed to fetch"
    page.evaluate(
        "document.body.append(Object.assign(document.createElement('script'), { text: 'window.ran = 1' }))"
    )
    page.evaluate("document.body.setAttribute('style', 'color: red')")
    assert page.evaluate("window.ran") is None
    assert page.evaluate("getComputedStyle(document.body).color") != "rgb(255, 0, 0)"
    stopped = [message for message in page.messages if "Content Security Policy" in message]
    assert len(stopped) >= 3


def test_the_paper_is_sharp_on_any_screen(new_page, host):
    page = new_page(device_scale_factor=2)
    page.goto(host.url)
    is_ready(page)
    for width in (1280, 700, 500):
        page.set_viewport_size({"width": width, "height": 700})
        wait_for(page, "((pad) => pad.width === 2 * pad.clientWidth)(document.getElementById('pad'))")
    drag(page, places(page, STROKES)[0])
    assert rested(page, 0)["results"]
