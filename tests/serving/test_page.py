"""The page in a headless browser. Run: pip install -e ".[serve]" selenium; apt install chromium chromium-driver;
python -m pytest -m browser. Skipped where one of them is missing.
"""

import shutil
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("python_multipart")
pytest.importorskip("uvicorn")
pytest.importorskip("selenium")

import uvicorn
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from freqkv_cli.answering.answer import Turn
from freqkv_cli.errors import InputError
from freqkv_cli.events import Progress
from freqkv_cli.serving.app import Tell, make_app
from freqkv_cli.serving.uploads import Uploads

CHROMIUM, DRIVER = (shutil.which(name) for name in ("chromium", "chromedriver"))
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="needs chromium and chromedriver"),
]

TOKEN = "secret"
EVIL = "<img src=x onerror='document.title = 1'>"
PASSAGE = f"The sea was high. {EVIL} The cook was called Ambrose Pell. He came from Hull."
QUOTE = "The cook was called Ambrose Pell."
# What a browser does when a person drops a file.
DROP = """
const moved = new DataTransfer();
moved.items.add(new File([arguments[1]], arguments[0]));
dispatchEvent(new DragEvent("drop", { dataTransfer: moved, bubbles: true, cancelable: true }));
"""


class PlayedReader:
    """Reads half, and goes on when it has been seen; answers with one sentence that has a place."""

    names = ("/home/me/book.txt",)

    def __init__(self) -> None:
        self.half_seen = threading.Event()
        self.asked: list[tuple[list[str], str, int]] = []

    def read(self, paths: Sequence[Path], tell: Tell) -> dict[str, Any]:
        """Refuse pictures."""
        if paths[0].suffix == ".png":
            raise InputError(f"{paths[0]} is a PNG image: recognise its text first")
        tell(Progress("reading", tokens_done=512, tokens_total=1024, eta_seconds=9))
        self.half_seen.wait(30)
        return {"tokens_read": 1024, "warnings": ["page 7 has no text"]}

    def answer(self, paths: Sequence[Path], question: str, earlier: Sequence[Turn], tell: Tell) -> dict[str, Any]:
        """Answer from the one passage."""
        self.asked.append(([path.name for path in paths], question, len(earlier)))
        cited = {"sentence": "His name was Pell.", "place": "p. 12", "quote": QUOTE, "passage": PASSAGE, "missing": []}
        said = {"text": f"His name was Pell.\n{QUOTE!r} [p. 12]", "found": True, "citations": [cited]}
        return {**said, "tokens": 5, "question_tokens": 3}


@pytest.fixture
def reader() -> PlayedReader:
    """Whoever answers."""
    return PlayedReader()


@pytest.fixture
def address(reader: PlayedReader) -> Iterator[str]:
    """A server that asks for a token."""
    uploads = Uploads(10**6)
    app = make_app(reader, uploads, TOKEN, ["127.0.0.1"], ThreadPoolExecutor(1))
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/"
    server.should_exit = True
    thread.join()
    uploads.close()


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Any]:
    """A headless Chromium."""
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in ("headless=new", "no-sandbox", "disable-dev-shm-usage", f"user-data-dir={tmp_path}"):
        options.add_argument(f"--{flag}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    yield driver
    driver.quit()


def until(browser: Any, holds: Callable[[], object]) -> Any:
    """Wait until something holds, and return it."""
    return WebDriverWait(browser, 60, ignored_exceptions=[Exception]).until(lambda _: holds())


def test_a_document_is_dropped_read_and_asked_and_its_places_open(
    browser: Any, reader: PlayedReader, address: str
) -> None:
    def one(selector: str) -> Any:
        return browser.find_element(By.CSS_SELECTOR, selector)

    def enter(selector: str, text: str) -> None:
        one(selector).clear()
        one(selector).send_keys(f"{text}\n")

    browser.get(address)
    until(browser, lambda: "token is missing" in one("#about").text)
    enter("#token", TOKEN)
    until(browser, lambda: "book.txt" in one("#about").text and "/home" not in one("#about").text)
    assert not one("#login").is_displayed()

    browser.execute_script(DROP, "scan.png", "x")
    until(browser, lambda: one("#files .wrong").text == "scan.png is a PNG image: recognise its text first")
    browser.execute_script(DROP, "ship.txt", PASSAGE)
    until(browser, lambda: "reading 50 %, about 9 s" in one("#files").text)
    assert float(one("#bar").get_attribute("value")) == 0.5
    reader.half_seen.set()
    until(browser, lambda: "1,024 tokens read" in one("#files").text and "page 7 has no text" in one("#files").text)
    assert not one("#bar").is_displayed()

    enter("#question", "Who was the cook?")
    place = until(browser, lambda: one(".place"))
    assert one(".answer").text == "His name was Pell. p. 12"
    place.click()
    assert one("blockquote").text == PASSAGE
    assert one("blockquote mark").text == QUOTE
    place.click()
    assert browser.find_elements(By.TAG_NAME, "blockquote") == []
    enter("#question", "And where was he from?")
    until(browser, lambda: len(reader.asked) == 2)
    assert reader.asked == [(["ship.txt"], "Who was the cook?", 0), (["ship.txt"], "And where was he from?", 1)]

    assert browser.title == "freqkv"  # text of a document is never markup
    logged = [entry["message"] for entry in browser.get_log("browser")]
    assert [line for line in logged if "401" not in line and "favicon" not in line] == []
