"""Signing in and the front desk's day, in a real browser, before the real program."""

import re
import signal
from collections.abc import Callable
from uuid import uuid4

from playwright.async_api import expect

from tests.screens.conftest import Clinic
from tests.screens.desk import book_by_keys, card, opened, opened_by_keys, seen_after, sent_again
from tests.screens.keys import choose, press, reach, tick


async def test_the_token_opens_the_page_that_was_asked_for(clinic: Clinic) -> None:
    async with clinic.tab() as tab:
        tab.expected.append("401")
        await tab.page.goto(clinic.board + "?on=2026-12-24")
        await tab.is_sound("sign in")
        await tab.page.get_by_label("Access token").fill("asp_nothing")
        await tab.page.keyboard.press("Enter")
        await expect(tab.page.get_by_role("alert")).to_contain_text("opens nothing here")
        await tab.is_sound("sign in, refused")
        await tab.page.get_by_label("Access token").fill(clinic.example.people["front_desk"].token)
        await tab.page.keyboard.press("Enter")
        await tab.page.wait_for_url("**/board?on=2026-12-24")


async def test_the_back_button_shows_nothing_after_signing_out(clinic: Clinic) -> None:
    async with clinic.tab() as tab:
        tab.expected.append("401")
        await tab.be()
        await tab.page.goto(clinic.board)
        await tab.page.get_by_role("link", name="New booking").click()
        await tab.page.get_by_role("button", name="Sign out").click()
        await expect(tab.page.get_by_role("heading", name="Sign in")).to_be_visible()
        assert not await tab.context.cookies()
        for _ in range(2):
            await tab.page.go_back()
            await expect(tab.page.get_by_role("heading", name="Sign in")).to_be_visible()


async def test_whoever_was_signed_out_meanwhile_is_told_that_nothing_was_recorded(clinic: Clinic) -> None:
    await clinic.book("Iris", "practitioner", 0, "10:00")
    async with clinic.tab() as tab:
        tab.expected.append("401")
        await tab.be()
        await tab.see_tomorrow()
        await tab.page.get_by_role("link", name="Iris Visser").click()
        await expect(tab.page.locator("#panel h1")).to_be_visible()
        await tab.context.clear_cookies()
        await tab.page.get_by_text("Cancel it").click()
        await tab.page.get_by_role("button", name="Cancel the booking").click()
        await expect(tab.page.get_by_role("alert")).to_contain_text("Nothing was recorded")
        await tab.is_sound("signed out meanwhile")


async def test_a_board_goes_dark_when_its_grant_is_revoked(clinic: Clinic) -> None:
    identity = str(uuid4())
    body = {"identity_id": identity, "role": "front_desk", "label": "guest", "expires_at": clinic.example.tokens_until.isoformat()}
    secret = (await clinic.ask("POST", "/tokens", body, person="admin"))["token"]
    async with clinic.tab() as tab:
        await tab.page.goto(clinic.board.removesuffix("board") + "sign-in")
        await tab.page.get_by_label("Access token").fill(secret)
        await tab.page.get_by_role("button", name="Sign in").click()
        await tab.see_tomorrow()
        await clinic.ask("DELETE", f"/identities/{identity}/grants/front_desk", person="admin")
        await clinic.book("Joost", "practitioner", 1, "11:00")
        await expect(tab.page.locator("#live")).to_contain_text("You are signed out")
        await expect(tab.page.get_by_role("link", name="Joost Visser")).to_have_count(0)


async def test_who_may_not_see_a_screen_is_told_so(clinic: Clinic) -> None:
    async with clinic.tab() as tab:
        tab.expected.append("403")
        await tab.be()
        await tab.page.goto(clinic.board)
        await expect(tab.page.get_by_role("navigation", name="Screens").get_by_role("link", name="Record")).to_have_count(0)
        await tab.page.goto(clinic.board.removesuffix("board") + "record")
        await expect(tab.page.get_by_role("alert")).to_contain_text("Your role does not allow this")
        await tab.is_sound("forbidden")


async def test_the_manager_merges_two_records_and_renews_a_credential_by_keys(clinic: Clinic) -> None:
    this, other = [await clinic.client("Twice") for _ in range(2)]
    async with clinic.tab() as tab:
        page = tab.page
        tab.expected.append("422")
        await tab.be("manager")
        await page.goto(f"{clinic.board}/book?client_id={this}")
        await press(page, page.get_by_role("link", name="This person has another record"))
        await press(page, page.get_by_role("button", name="Merge them"))
        await expect(page.get_by_role("alert")).to_contain_text("Say which record is the same person.")
        await tab.is_sound("two records")
        await reach(page, page.locator('input[name="other"]').first)
        await page.keyboard.press("Space")
        for _ in range(50):  # the arrow keys go round
            if await page.locator(f'input[value="{other}"]').is_checked():
                break
            await page.keyboard.press("ArrowDown")
        await tick(page, page.get_by_label("I compared both with the person: it is one"))
        await press(page, page.get_by_role("button", name="Merge them"))
        await expect(page.get_by_role("status")).to_contain_text("Both records are one person's from now on.")
        assert (await clinic.ask("GET", f"/clients/{other}"))["into_client_id"] == this
        await press(page, page.get_by_role("link", name="Who may treat"))
        await press(page, page.locator("summary", has_text="Renew or change it (Priya)"))
        await tab.is_sound("who may treat")
        await press(page, page.get_by_role("button", name="I have seen the license").first)
        await expect(page.get_by_role("status")).to_contain_text("Recorded: it holds from now on.")


async def test_a_booking_is_made_moved_back_canceled_back_and_the_client_arrives(clinic: Clinic) -> None:
    """All of it by keys alone."""
    async with clinic.tab() as tab:
        page = tab.page
        await tab.be()
        await page.goto(clinic.board)
        await book_by_keys(tab, "Noor")
        await expect(card(page, "Noor Jansen")).to_contain_text("Booked")
        before = await card(page, "Noor Jansen").inner_text()

        await opened_by_keys(page, "Noor Jansen")
        await press(page, page.locator("summary", has_text="Move it"))
        await press(page, page.get_by_role("button", name="Show free slots"))
        await expect(page.locator(".slots button").first).to_be_visible()
        await tab.is_sound("a booking")
        await press(page, page.locator(".slots button").nth(3))
        await expect(page.get_by_text("Moved.")).to_be_visible()
        assert await card(page, "Noor Jansen").inner_text() != before
        await press(page, page.get_by_role("button", name="Undo"))
        await expect(card(page, "Noor Jansen")).to_have_text(re.compile(re.escape(before.splitlines()[0])))

        await opened_by_keys(page, "Noor Jansen")
        await press(page, page.locator("summary", has_text="Cancel it"))
        await choose(page, page.get_by_label("Why"), "Booked by mistake", "booked_by_mistake")
        await press(page, page.get_by_role("button", name="Cancel the booking"))
        await expect(page.get_by_text("Canceled: the slot is free again.")).to_be_visible()
        await expect(card(page, "Noor Jansen")).to_have_count(0)
        await press(page, page.get_by_role("button", name="Undo"))
        await expect(card(page, "Noor Jansen")).to_contain_text("Booked")

        await opened_by_keys(page, "Noor Jansen")
        await tick(page, page.get_by_label("I compared name and date of birth"))
        await press(page, page.get_by_role("button", name="The client is here"))
        await expect(card(page, "Noor Jansen")).to_contain_text("Here")
        await tab.is_sound("the board")
        await press(page, page.get_by_role("button", name="Undo"))
        await expect(page.get_by_text("The client is not here")).to_be_visible()
        await expect(card(page, "Noor Jansen")).not_to_contain_text("Here")

        await opened(page, "Noor Jansen")
        await page.get_by_role("button", name="The client is here").click()
        await opened(page, "Noor Jansen")
        await expect(page.get_by_role("button", name="The client is not here after all")).to_be_visible()
        await page.get_by_label("I compared name and date of birth").check()
        await page.get_by_role("button", name="The client is here").click()
        await expect(card(page, "Noor Jansen")).to_contain_text("Here")


async def test_everything_works_without_javascript(clinic: Clinic) -> None:
    async with clinic.tab(java_script_enabled=False) as tab:
        page = tab.page
        await tab.be()
        await page.goto(clinic.board)
        await expect(page.locator("#live noscript")).to_be_visible()
        await page.get_by_role("link", name="New booking").click()
        await page.get_by_label("Date of birth").fill("1990-05-17")
        await clinic.client("Sanne")
        await page.get_by_role("button", name="Find").click()
        await page.get_by_role("link", name="Sanne Visser").click()
        await page.get_by_label("Visit").select_option("consultation")
        await page.get_by_role("button", name="Show free slots").click()
        await page.get_by_text("The client stands here").click()
        await page.locator("#now_with").select_option(label="Paula")
        await page.locator("#now_in").select_option(index=2)
        await page.get_by_label("I compared name and date of birth").check()
        async with page.expect_request("**/board/walk-in") as sent:
            await page.get_by_role("button", name="Book from now on").click()
        await expect(card(page, "Sanne Visser")).to_contain_text("Here")
        await sent_again(tab, await sent.value)
        await page.reload()
        await expect(card(page, "Sanne Visser")).to_have_count(1)
        await page.get_by_role("link", name="Sanne Visser").click()
        await expect(page.get_by_role("heading", name="Sanne Visser")).to_be_visible()


async def test_a_refusal_says_every_reason_and_what_is_free_instead(clinic: Clinic) -> None:
    await clinic.book("Lotte", "practitioner_2", 1, "09:00")
    await clinic.book("Emma", "practitioner_2", 1, "10:00")
    async with clinic.tab() as tab:
        page = tab.page
        tab.expected.append("409")
        await tab.be()
        await tab.see_tomorrow()
        await opened(page, "Lotte Visser")
        await page.get_by_text("Move it").click()
        await page.get_by_label("Or exactly on").fill(str(clinic.tomorrow))
        await page.get_by_label("At", exact=True).fill("10:15")
        await page.get_by_role("button", name="Move to this time").click()
        alert = page.get_by_role("alert")
        await expect(alert).to_contain_text("The practitioner is taken")
        await expect(alert).to_contain_text("The room is taken")
        assert (await page.title()).startswith("Error: ")
        await tab.is_sound("a refused move")
        await page.locator(".slots button").first.click()
        await expect(page.get_by_text("Moved.")).to_be_visible()


async def test_a_conflicted_announcement_is_resolved(clinic: Clinic) -> None:
    taken = clinic.visit(await clinic.client("Fleur"), "practitioner_3", 2, "13:00")
    await clinic.ask("POST", "/bookings", taken)
    promised = clinic.visit(await clinic.client("Gijs"), "practitioner_3", 2, "13:00")
    await clinic.ask("POST", "/bookings/announce", promised, person="system")
    async with clinic.tab() as tab:
        page = tab.page
        tab.expected.append("409")
        await tab.be()
        await tab.see_tomorrow()
        await expect(card(page, "Gijs Visser")).to_contain_text("Conflict")
        await expect(card(page, "Gijs Visser")).to_contain_text("The practitioner is taken")
        await opened_by_keys(page, "Gijs Visser")
        await press(page, page.get_by_role("button", name="Confirm it in its own slot"))
        await expect(page.get_by_role("alert")).to_contain_text("The room is taken")
        await press(page, page.locator(".slots button").first)
        await expect(page.get_by_text("The conflict is resolved")).to_be_visible()
        await expect(card(page, "Gijs Visser")).to_contain_text("Booked")


async def test_the_board_is_worked_by_keys_alone(clinic: Clinic) -> None:
    await clinic.book("Keys", "practitioner_2", 2, "18:30")
    await clinic.book("Board", "practitioner_2", 2, "19:30")
    async with clinic.tab() as tab:
        page = tab.page
        await tab.be()
        await tab.see_tomorrow()
        focused = "() => document.activeElement.textContent.trim()"
        await reach(page, page.locator("#board a.open").first)
        first = await page.evaluate(focused)
        await page.keyboard.press("j")
        assert await page.evaluate(focused) != first
        await page.keyboard.press("k")
        assert await page.evaluate(focused) == first
        await page.keyboard.press("Enter")
        await expect(page.locator("#panel h1")).to_be_focused()
        await tab.is_sound("the panel")
        await page.keyboard.press("Escape")
        await expect(page.locator("#panel h1")).to_have_count(0)
        assert await page.evaluate(focused) == first
        await page.keyboard.press("n")
        await page.wait_for_url("**/board/book*")
        await expect(page.get_by_label("Date of birth")).to_be_focused()


async def test_the_board_is_live_and_misses_nothing_while_the_program_is_dead(
    clinic: Clinic, record_property: Callable[[str, object], None]
) -> None:
    async with clinic.tab() as tab:
        page = tab.page
        tab.expected += ["ERR_", "Failed to load resource", "network", "fetch"]
        await tab.be()
        await tab.see_tomorrow()
        live = page.locator("#live")
        await page.evaluate("() => { window.kept = document.querySelector('#board'); }")
        took = sorted([await seen_after(clinic, page, f"Live{letter}", number) for number, letter in enumerate("abcdefghijklmno")])
        record_property("measured", f"event to board, {len(took)} times: median {took[7]:.0f} ms, all within {took[-1]:.0f} ms")
        assert await page.evaluate("() => window.kept === document.querySelector('#board')"), "morphed, so that the focus stays"

        asked: list[str | None] = []
        page.on("request", lambda request: asked.append(request.headers.get("last-event-id")) if "/live" in request.url else None)
        visit = clinic.visit(await clinic.client("Missed"), "practitioner_2", 0, "20:00")
        await clinic.program.end(signal.SIGKILL)
        await expect(live).to_contain_text("Connection lost")
        await clinic.program.start()
        await clinic.ask("POST", "/bookings", visit)
        await expect(card(page, "Missed Visser")).to_be_visible()
        await expect(live).to_have_text("Live")
        assert any(found and re.fullmatch(r"\d+-\d+\.[0-9a-f]{16}", found) for found in asked), asked
        assert await clinic.program.end() < 2.5, "open boards hold nothing up"
