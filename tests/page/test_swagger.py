"""Swagger UI, in a real browser: log in, upload a file, poll its result."""

import json
from pathlib import Path
from typing import Any

from playwright.sync_api import Locator, Page

from tests.support.deployments.service import Client, Service


def test_main_job_in_swagger_ui(service: Service, page: Page, short_sample: Path) -> None:
    elsewhere: list[str] = []
    page.on(
        "request",
        lambda request: None if request.url.startswith((service.url, "data:")) else elsewhere.append(request.url),
    )
    page.goto(f"{service.url}/docs")

    register = opened(page, "register")
    register.locator("textarea").fill(json.dumps({"username": "mouse", "password": "correct-horse-battery"}))
    tokens = executed(register, 201)

    page.locator("button.authorize").first.click()
    bearer = page.locator(".auth-container").filter(has=page.get_by_label("auth-bearer-value"))
    bearer.get_by_label("auth-bearer-value").fill(tokens["access_token"])
    bearer.locator("button.authorize").click()
    page.locator(".auth-btn-wrapper button.btn-done").first.click()

    detect = opened(page, "detect")
    detect.locator("input[type=file]").set_input_files(str(short_sample))
    job = executed(detect, 202)

    # Elsewhere than on the page, which takes seconds to draw an answer.
    client = Client(service.url)
    client.wait(client.use(tokens).job(job))
    look = opened(page, "get_job")
    look.locator("input[placeholder=job_id]").fill(job["id"])
    assert executed(look, 200)["state"] == "succeeded"

    results = opened(page, "job_results")
    results.locator("input[placeholder=job_id]").fill(job["id"])
    results.locator("input[placeholder=limit]").fill("2")
    assert [frame["frame"] for frame in executed(results, 200)["frames"]] == [0, 1]
    assert elsewhere == [], "the page must not ask anyone else"


def opened(page: Page, operation: str) -> Locator:
    """An operation's block, ready to be tried out."""
    block = page.locator(f".opblock[id$='.{operation}']")
    block.locator(".opblock-summary-control").click()
    block.locator("button.try-out__btn").click()
    return block


def executed(block: Locator, status: int) -> Any:
    """The JSON that the operation answers."""
    button = block.locator("button.execute")
    with block.page.expect_response(lambda response: "/api/v1/" in response.url) as caught:
        button.click()
    answer = block.locator(".live-responses-table .response-col_status").first
    answer.wait_for()
    assert caught.value.status == status, caught.value.text()
    return caught.value.json()
