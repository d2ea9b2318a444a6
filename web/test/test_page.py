"""The page in Chromium, driven as a person would. scripts/web.sh runs this."""

import functools
import http.server
import json
import os
import pathlib
import struct
import subprocess
import threading
import time

import pytest
from playwright.sync_api import expect, sync_playwright

DIST = pathlib.Path(os.environ["DIST"])
KEPT = pathlib.Path(__file__).parents[2] / "benches/results"
CHROMIUM = os.environ["CHROMIUM"]
# WebGPU on a processor, and nothing that asks the network for anything.
FLAGS = [
    "--no-sandbox",
    "--enable-unsafe-webgpu",
    "--use-webgpu-adapter=swiftshader",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
RUN = 600_000  # milliseconds; machines that test are slow

# What a phone allows at the least, in place of what this machine does.
PHONE = """
const low = { maxStorageBufferBindingSize: 2 ** 27, maxBufferSize: 2 ** 28, maxComputeWorkgroupStorageSize: 2 ** 14,
  maxComputeInvocationsPerWorkgroup: 256, maxComputeWorkgroupSizeX: 256, maxStorageBuffersPerShaderStage: 8 };
const own = Object.getOwnPropertyDescriptor(GPUAdapter.prototype, "limits").get;
Object.defineProperty(GPUAdapter.prototype, "limits", { get() {
  const limits = own.call(this);
  return new Proxy({}, { get: (_, name) => low[name] ?? limits[name] });
} });
Object.defineProperty(GPUAdapter.prototype, "features", { get: () => new Set(["core-features-and-limits"]) });
"""
# The worker is made of text, before which this puts `PHONE`.
INTO_WORKERS = """
const Own = Blob;
globalThis.Blob = class extends Own {
  constructor(parts, options) {
    super(options?.type === "text/javascript" ? [%s, ...parts] : parts, options);
  }
};
"""


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture(scope="session")
def address():
    handler = functools.partial(Quiet, directory=str(DIST))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="session")
def browser():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser):
    """Opens pages; fails where one complains."""
    contexts, complaints = [], []

    def opened(url, width=1280, script=None, may_complain=False, **options):
        context = browser.new_context(viewport={"width": width, "height": 844}, accept_downloads=True, **options)
        contexts.append(context)
        if script:
            context.add_init_script(script)
        page = context.new_page()
        if not may_complain:
            page.on("console", lambda message: message.type in ("error", "warning") and complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(url)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert complaints == []


def run(page):
    expect(page.locator("#go")).to_be_enabled(timeout=60_000)
    page.get_by_role("button", name="Run").click()
    expect(page.locator("#verdict")).not_to_be_empty(timeout=RUN)
    return page.locator("#verdict").inner_text()


def count(page):
    return int(page.locator("#gpu").inner_text().split(":")[1].split()[0])


def expect_all_right(page, verdict):
    operations = count(page)
    assert verdict.startswith(f"{operations} of {operations} operations right"), verdict
    assert "memory speed" in verdict
    rows = page.locator("#checks tbody tr")
    assert rows.count() == 2 * operations
    assert page.locator("#checks tr.bad").count() == 0


def shot(page, name):
    if folder := os.environ.get("SCREENSHOTS"):
        page.screenshot(path=f"{folder}/{name}.png", full_page=True)


def expect_no_sideways(page):
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_run_is_right_and_its_file_is_read_by_the_command(open_page, address, tmp_path):
    page = open_page(address)
    began = time.monotonic()
    verdict = run(page)
    print(f"from the click to the verdict: {time.monotonic() - began:.0f} s: {verdict}")
    expect_all_right(page, verdict)
    expect(page.locator("#speeds dt")).to_have_count(12)
    shot(page, "run-1280")

    with page.expect_download() as download:
        page.get_by_role("button", name="Save results").click()
    saved = tmp_path / download.value.suggested_filename
    download.value.save_as(saved)
    assert saved.name.endswith("-webgpu.json")
    result = json.loads(saved.read_text())
    assert result["complete"] and result["settings"]["preset"] == "browser"
    assert {row["status"] for row in result["rows"]} == {"ok"}
    command = os.environ["ACTIVATIONS"]
    compared = subprocess.run([command, "compare", saved, saved], capture_output=True, text=True, check=False)
    assert compared.returncode == 0, compared.stderr
    assert "softmax" in compared.stdout
    report = tmp_path / "report.html"
    kept = sorted((KEPT / "nvidia-h100-80gb-hbm3-vulkan").glob("*-standard.json"))[-1]
    subprocess.run([command, "report", saved, kept, "-o", report], check=True)
    assert result["devices"][0]["adapter"] in report.read_text()

    # What another machine measured, beside it.
    page.locator("#op").select_option("gelu forward")
    before = page.locator("#beside dt").count()
    page.locator("#add").set_input_files(kept)
    expect(page.locator("#beside dt")).to_have_count(before + 1)
    other = tmp_path / "other.json"
    other.write_text("{}")
    page.locator("#add").set_input_files(other)
    expect(page.locator("#notes")).to_contain_text("other.json was not added")


def test_with_a_phones_limits_and_width(open_page, address):
    script = INTO_WORKERS % json.dumps(PHONE)
    page = open_page(address, width=390, script=script, color_scheme="dark", has_touch=True)
    expect_all_right(page, run(page))
    expect_no_sideways(page)
    shot(page, "run-390-dark")


def test_a_run_is_cancelled_and_begun_again(open_page, address):
    page = open_page(address)
    expect(page.locator("#go")).to_be_enabled(timeout=60_000)
    page.get_by_role("button", name="Run").click()
    expect(page.locator("#doing")).to_contain_text("Checking")
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator("#verdict")).to_contain_text("Cancelled", timeout=60_000)
    page.get_by_role("button", name="Run").click()
    expect(page.locator("#doing")).to_contain_text("Checking")
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator("#go")).to_be_visible(timeout=60_000)


def test_curves_from_the_disk(open_page):
    page = open_page((DIST / "index.html").as_uri(), width=390)
    expect(page.locator("#go")).to_be_enabled(timeout=60_000)
    # By keyboard, from tab to tab.
    page.get_by_role("tab", name="Check and measure").focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#formula")).to_contain_text("GELU")
    page.locator("#activation").select_option("elu")
    page.get_by_role("spinbutton", name="alpha").fill("0.5")
    picture = page.get_by_role("img", name="elu(alpha=0.5) and its slope")
    expect(picture).to_be_visible()
    assert picture.locator("path").count() == 2
    expect_no_sideways(page)
    shot(page, "curves-390")
    page.get_by_role("spinbutton", name="alpha").fill("-1")
    expect(page.locator("#curve-error")).to_contain_text("alpha")


def npy(shape, elements):
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {tuple(shape)}, }}".encode()
    header += b" " * (63 - (10 + len(header)) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + struct.pack(f"<{len(elements)}f", *elements)


def test_a_file_goes_through_a_chain(open_page, address, tmp_path):
    page = open_page(address)
    expect(page.locator("#go")).to_be_enabled(timeout=60_000)
    page.get_by_role("tab", name="Files").click()
    file = tmp_path / "x.npy"
    file.write_bytes(npy((2, 2), [-1.0, 0.0, 1.0, 2.0]))
    page.get_by_label("Chain").fill("relu | softmax")
    page.locator("#array").set_input_files(file)
    expect(page.locator("#transformed")).to_contain_text("4 results", timeout=60_000)
    with page.expect_download() as download:
        page.get_by_role("button", name="Save the result").click()
    saved = tmp_path / "y.npy"
    download.value.save_as(saved)
    assert b"'shape': (2, 2)" in saved.read_bytes()
    y = struct.unpack("<4f", saved.read_bytes()[-16:])
    assert y[:2] == (0.5, 0.5) and y[2] == pytest.approx(0.26894142) and y[3] == pytest.approx(0.73105858)
    page.get_by_label("Chain").fill("gleu")
    page.locator("#array").set_input_files([])
    page.locator("#array").set_input_files(file)
    expect(page.locator("#transformed")).to_contain_text("did you mean `gelu`?")


def test_without_webgpu_the_page_says_what_would_help(open_page, address):
    hide = json.dumps('Object.defineProperty(navigator, "gpu", { value: undefined });')
    page = open_page(address, script=INTO_WORKERS % hide)
    expect(page.locator("#notes")).to_contain_text("offers no WebGPU")
    expect(page.locator("#go")).to_be_disabled()


def test_the_package(open_page, address):
    page = open_page(address)
    found = page.evaluate(
        """async () => {
            const { Activations, operations } = await import("/package/index.js");
            const a = await Activations.create();
            const x = a.upload(Float32Array.of(-1, 2), [1, 2]);
            const y = a.run("relu", x);
            const dx = a.backward("relu", x, y);
            const wrong = (() => { try { a.run("gleu", x); } catch (error) { return error.message; } })();
            return {
                relu: [...await a.relu(Float32Array.of(-1, 2))],
                softmax: [...await a.run("softmax", Float32Array.of(0, 0, 1, 1), [2, 2])],
                y: [...await y.download()], shape: [...y.shape], dx: [...await dx.download()], wrong,
                methods: operations().filter(it => it.pointwise).map(it => it.name).sort(),
            };
        }"""
    )
    assert found["relu"] == [0, 2] and found["softmax"] == [0.5] * 4
    assert found["y"] == [0, 2] and found["shape"] == [1, 2] and found["dx"] == [0, 2]
    assert "did you mean `gelu`?" in found["wrong"]
    # The types name every method.
    types = (DIST / "package/index.d.ts").read_text()
    named = types.split("type Pointwise =")[1].split(";")[0].replace("'", "").split("|")
    assert sorted(name.strip() for name in named if name.strip()) == found["methods"]


def test_an_error_of_the_device_comes_with_the_next_await(open_page, address):
    page = open_page(address, may_complain=True)
    found = page.evaluate(
        """async () => {
            const { Activations } = await import("/package/index.js");
            const a = await Activations.create();
            const own = GPUDevice.prototype.createBuffer;
            // A usage that WebGPU refuses.
            GPUDevice.prototype.createBuffer = function (wanted) {
                return own.call(this, wanted.label === "tensor" ? { ...wanted, usage: 3 } : wanted);
            };
            const refused = await a.relu(Float32Array.of(-1, 2)).then(() => "no error", error => error.message);
            GPUDevice.prototype.createBuffer = own;
            a.trim();
            return { refused, after: [...await a.relu(Float32Array.of(-1, 2))] };
        }"""
    )
    assert "validation" in found["refused"]
    assert found["after"] == [0, 2]
