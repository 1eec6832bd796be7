"""A shared tablet from its enrolling to the next person's PIN, in a real browser before the real program."""

from uuid import uuid4

from playwright.async_api import Page, expect

from tests.screens.conftest import Clinic, Tab

PIN, ANOTHER = "493817", "602958"


async def has_chosen_a_pin(clinic: Clinic, person: str, pin: str, *wrong: str) -> None:
    """On their own device, with their token; after others that were refused."""
    async with clinic.tab() as own:
        own.expected.append("409")
        await own.be(person)
        await own.page.goto(clinic.board.removesuffix("board") + "pin")
        for typed in (*wrong, pin):
            await own.page.get_by_label("Six digits").fill(typed)
            await own.page.get_by_label("The same again").fill(typed)
            await own.page.get_by_role("button", name="Set the PIN").click()
            if typed != pin:
                await expect(own.page.get_by_role("alert")).to_contain_text("without a pattern")
                await own.is_sound("my PIN, refused")
        await expect(own.page.get_by_text("Your PIN is set.")).to_be_visible()


async def enrolled(tab: Tab) -> None:
    clinic = tab.clinic
    await tab.be("manager")
    await tab.page.goto(clinic.board.removesuffix("board") + "tablets")
    await tab.is_sound("shared tablets")
    await tab.page.get_by_label("What is it called?").fill("Room 2")
    await tab.page.get_by_role("button", name="Enroll this device").click()
    await expect(tab.page.get_by_role("heading", name="Who are you?")).to_be_visible()


async def press(page: Page, pin: str) -> None:
    for digit in pin:
        await page.get_by_role("button", name=digit, exact=True).click()


async def test_two_people_take_turns_on_one_tablet_by_pin(clinic: Clinic) -> None:
    await has_chosen_a_pin(clinic, "technician", PIN, "123456")
    await has_chosen_a_pin(clinic, "front_desk", ANOTHER)
    async with clinic.tab() as tab:
        page = tab.page
        tab.expected += ["401", "htmx:error: timeout"]  # minutes pass while a request is on its way
        await enrolled(tab)
        await tab.is_sound("who are you")
        names = page.locator(".people a")
        await expect(names).to_have_count(2)
        front_desk = names.filter(has_text="front desk")
        await front_desk.click()
        await tab.is_sound("the pad")
        await press(page, PIN)
        await expect(page.get_by_role("alert")).to_contain_text("9 more tries are left before it is locked on this tablet")
        await tab.is_sound("the pad, refused")
        await press(page, ANOTHER)
        await page.wait_for_url("**/board*")
        await expect(page.locator("#live")).to_have_text("Live")
        # The next one: two taps, and the PIN.
        await page.get_by_role("button", name="Switch person").click()
        await names.filter(has_text="technician").click()
        await page.get_by_label("PIN", exact=True).press_sequentially(PIN)
        await page.wait_for_url(lambda url: "/who" not in url)
        await page.clock.install()
        await page.goto(clinic.board.removesuffix("board") + "tablet")
        await expect(page.locator("#link")).to_have_text("Connected")
        # Its outbox asks again and again whether the server is there: that is nobody's touch.
        for _ in range(4):
            await page.clock.run_for(4 * 60_000)
        await expect(page.get_by_role("heading", name="Who are you?")).to_be_visible()


async def test_a_tablet_that_nobody_touches_locks_itself(clinic: Clinic) -> None:
    await has_chosen_a_pin(clinic, "front_desk", PIN)
    async with clinic.tab() as tab:
        page = tab.page
        tab.expected += ["401", "htmx:error: timeout"]  # minutes pass while a request is on its way
        await enrolled(tab)
        await page.locator(".people a").filter(has_text="front desk").click()
        await page.clock.install()
        await press(page, PIN)
        await page.wait_for_url("**/board*")
        kept = await tab.context.cookies()
        await page.clock.run_for(14 * 60_000)
        async with page.expect_response("**/here"):
            await page.mouse.click(5, 5)
        await page.clock.run_for(14 * 60_000)
        await expect(page.locator("#board")).to_be_visible()
        await page.clock.run_for(2 * 60_000)
        await expect(page.get_by_role("heading", name="Who are you?")).to_be_visible()
        await page.go_back()
        await expect(page.locator("#board")).to_have_count(0)
        session = next(found for found in kept if found["name"] == "asepsis")
        await tab.context.add_cookies([{"name": "asepsis", "value": session["value"], "url": clinic.program.address}])
        await page.goto(clinic.board)
        await expect(page.get_by_role("link", name="Sign in with a PIN")).to_be_visible()
        await tab.is_sound("signed out on a tablet")


async def test_a_tablet_without_network_shows_nothing_once_it_would_lock(clinic: Clinic) -> None:
    await has_chosen_a_pin(clinic, "front_desk", PIN)
    async with clinic.tab() as tab:
        page = tab.page
        tab.expected += ["ERR_INTERNET_DISCONNECTED", "Failed to fetch", "htmx:error: timeout"]
        await enrolled(tab)
        await page.locator(".people a").filter(has_text="front desk").click()
        await page.clock.install()
        await press(page, PIN)
        await page.wait_for_url("**/board*")
        await tab.context.set_offline(offline=True)
        await page.clock.run_for(14 * 60_000)
        await expect(page.locator("#board")).to_be_visible()
        await page.clock.run_for(2 * 60_000)
        await expect(page.get_by_role("heading", name="Locked")).to_be_visible()
        await expect(page.locator("#board")).to_have_count(0)
        await tab.is_sound("locked without network")
        await page.mouse.click(5, 5)  # a touch does not open it
        await tab.context.set_offline(offline=False)
        await page.clock.run_for(10_000)
        await expect(page.get_by_role("heading", name="Who are you?")).to_be_visible()


async def test_it_works_without_javascript(clinic: Clinic) -> None:
    await has_chosen_a_pin(clinic, "front_desk", PIN)
    async with clinic.tab(java_script_enabled=False) as tab:
        await tab.be("manager")
        await tab.page.goto(clinic.board.removesuffix("board") + "tablets")
        await tab.page.get_by_label("What is it called?").fill(f"Desk {uuid4().hex[:4]}")
        await tab.page.get_by_role("button", name="Enroll this device").click()
        await tab.page.locator(".people a").filter(has_text="front desk").click()
        await tab.page.get_by_label("PIN", exact=True).fill(PIN)
        await tab.page.get_by_role("button", name="Sign in").click()
        await tab.page.wait_for_url("**/board*")
