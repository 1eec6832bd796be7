"""Somebody who has no mouse: every step is a key, and wherever the focus stops, it is seen and nothing covers it."""

from typing import Any

from playwright.async_api import Locator, Page, expect

MOST_STOPS = 150

HERE = """(wanted) => {
  const focused = document.activeElement;
  if (focused === document.body) return ['', false];
  const words = (focused.getAttribute('aria-label') || focused.textContent.trim() || focused.name || focused.tagName).slice(0, 60);
  const style = getComputedStyle(focused);
  const seen = style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2;
  const boxes = [...focused.getClientRects()].filter((box) => box.width && box.height);
  const ends = boxes.flatMap((box) => [[box.left + box.width / 2, box.top + 2], [box.left + box.width / 2, box.bottom - 2]]);
  const found = ends.map(([x, y]) => document.elementFromPoint(x, y));
  const covered = !found.length || found.some((one) => !one || !(focused.contains(one) || one.contains(focused)));
  const wrong = [...(seen ? [] : ['not seen']), ...(covered ? ['covered'] : [])];
  return [wrong.length ? `${words}: ${wrong.join(', ')}` : '', focused === wanted];
}"""


async def reach(page: Page, wanted: Locator, key: str = "Tab") -> None:
    """Tab on until it has the focus; with `Shift+Tab`, back."""
    target = await wanted.element_handle()
    for _ in range(MOST_STOPS):
        await page.keyboard.press(key)
        wrong, there = await page.evaluate(HERE, target)
        assert not wrong, wrong
        if there:
            return
    raise AssertionError(f"no key leads to {wanted}")


async def press(page: Page, wanted: Locator, key: str = "Tab", *, with_key: str = "Enter") -> None:
    """A link, a button, the title of a part that opens; with Space, a box."""
    await reach(page, wanted, key)
    await page.keyboard.press(with_key)


async def tick(page: Page, wanted: Locator, key: str = "Tab") -> None:
    """A box."""
    await press(page, wanted, key, with_key="Space")
    await expect(wanted).to_be_checked()


async def write(page: Page, wanted: Locator, text: str, key: str = "Tab") -> None:
    """What stood in the field is selected when the keys come to it."""
    await reach(page, wanted, key)
    await page.keyboard.type(text)


async def choose(page: Page, wanted: Locator, text: str, value: Any = None) -> None:
    """An entry of a list, by its first letters."""
    await write(page, wanted, text)
    if value is not None:
        await expect(wanted).to_have_value(value)


async def past_the_head(page: Page) -> None:
    """The first stop of a page leads past what stands on every page."""
    await press(page, page.get_by_role("link", name="Skip to the content"))
