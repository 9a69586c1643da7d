"""The heat map: what a page holds, and what a browser makes of it."""

import base64
import gzip
import io
import json
import re
import shlex
import shutil
import subprocess
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from matplotlib.image import imread

from likezip.blocks import block_header, coding
from likezip.blocks.options import CodingOptions, PriorChoice
from likezip.likelihood import heatmap, lookahead
from likezip.likelihood.heatmap import NO_VALUE, PLANES, QUANTUM, Curve, is_text, planes_of, quantised
from likezip.likelihood.lookahead import BlockLookahead, Lookahead
from likezip.model import default_model

Bytes = npt.NDArray[np.uint8]
MODEL = default_model()
TEXT = Path(coding.__file__).read_bytes()[:6000]
NOISE = np.random.default_rng(1).bytes(3000)
CODING = ("model", "prior", "lanes", "threads")
CHROMES = ("chromium", "chromium-browser", "google-chrome", "chrome", "headless_shell")


def page(raw: bytes, name: str = "file", **options: Any) -> bytes:
    coding = {"model": MODEL, "prior": "off"} | {key: options.pop(key) for key in CODING if key in options}
    return heatmap.page(io.BytesIO(raw), name, CodingOptions(**coding), **{"size": len(raw), **options})


def part(page: bytes, name: str) -> str:
    found = re.search(f'<script type="[a-z/]+" id="{name}">(.*?)</script>', page.decode(), re.S)
    assert found
    return found[1]


def facts_of(page: bytes) -> dict[str, Any]:
    facts: dict[str, Any] = json.loads(part(page, "facts"))
    return facts


@dataclass
class Unpacked:
    """The planes of a page as they were before they were made easier to pack; bits as numbers."""

    raw: Bytes
    coded: Bytes
    expected: Bytes  # (n, 3)
    costs: npt.NDArray[np.float64]
    prior: npt.NDArray[np.float64]
    memory: npt.NDArray[np.float64]
    mixed: npt.NDArray[np.float64]
    chances: npt.NDArray[np.float64]  # (n, 3)


def unpack(page: bytes) -> Unpacked:
    planes = np.frombuffer(gzip.decompress(base64.b64decode(part(page, "planes"))), np.uint8).reshape(PLANES, -1)
    raw, changed, others, (cost, prior, memory, mixed), chances = np.split(planes, [1, 2, 5, 9])
    chances = chances + np.where(others == 0, cost, 0).astype(np.uint8)
    q = np.stack([cost, prior, memory + cost, mixed + cost])
    costs, prior_alone, alone, uncorrected = np.where(q == NO_VALUE, np.nan, QUANTUM * q.astype(float) ** 2)
    shares = np.where(chances == NO_VALUE, 0.0, 0.5 ** (QUANTUM * chances.astype(float) ** 2))
    coded = (raw ^ changed)[0]
    return Unpacked(raw[0], coded, (others ^ coded).T, costs, prior_alone, alone, uncorrected, shares.T)


def test_bits_are_quantised_finely_where_they_are_few() -> None:
    bits = np.array([0, 0.0005, 0.1, 1, 8, 12.345, 31.4, 1000, np.nan, np.inf, -1e-9])
    found = quantised(bits)
    assert found[[0, 4, 7, 8, 9, 10]].tolist() == [0, 128, NO_VALUE - 1, NO_VALUE, NO_VALUE, 0]
    back = QUANTUM * found[:7].astype(float) ** 2
    assert np.all(np.abs(back - bits[:7]) <= 0.0005 + np.sqrt(QUANTUM * bits[:7]))


@pytest.mark.slow
@pytest.mark.parametrize("prior", ["off", "on"])
def test_planes_are_what_was_foreseen(prior: PriorChoice) -> None:
    sight = lookahead.look_ahead(TEXT, CodingOptions(MODEL, prior))
    made = page(TEXT, prior=prior)
    found, facts, seen = unpack(made), facts_of(made), sight.lookahead
    assert found.raw.tobytes() == found.coded.tobytes() == TEXT
    assert np.array_equal(found.expected, seen.expected)
    assert np.allclose(found.chances, seen.chances, rtol=0.13, atol=1e-9)
    for shown, name, bits in (
        (found.costs, "bits", sight.costs),
        (found.prior, "prior", seen.prior),
        (found.memory, "memory", sight.memory),
        (found.mixed, "mixed", seen.mixed),
    ):
        if prior == "off" and name == "prior":
            assert np.isnan(shown).all() and facts["part"][name] is None
        else:
            assert np.abs(shown - bits).max() < 0.13
            assert shown.sum() == pytest.approx(bits.sum(), rel=0.003)
            assert facts["part"][name] == pytest.approx(bits.sum(), abs=0.001)
    assert facts["bits"] == pytest.approx(coding.cross_entropy(TEXT, CodingOptions(MODEL, prior)), abs=0.001)
    mode = block_header.MEMORY if prior == "off" else block_header.MEMORY_PRIOR
    assert facts["blocks"] == [[len(TEXT), facts["bits"], mode, sight.profile, sight.lanes]]
    assert facts["text"] and facts["model"] == [MODEL.name, MODEL.id.hex()]


def test_the_curve_and_the_blocks_cover_the_whole_file() -> None:
    made = page(TEXT, block_size=2500, start=2600, end=2700, lanes=3)
    facts, blocks = facts_of(made), [TEXT[:2500], TEXT[2500:5000], TEXT[5000:]]
    each = [coding.cross_entropy(block, CodingOptions(MODEL, "off", 3)) for block in blocks]
    assert [block[:2] for block in facts["blocks"]] == [
        [len(block), pytest.approx(bits, abs=0.001)] for block, bits in zip(blocks, each, strict=True)
    ]
    assert {block[4] for block in facts["blocks"]} == {3}
    step, sums = facts["curve"]["step"], facts["curve"]["sums"]
    assert step == 4 and len(sums) == 1500
    assert sum(sums) == pytest.approx(sum(each), abs=1) and sum(sums[:625]) == pytest.approx(each[0], abs=1)
    assert facts["part"]["start"] == 2600 and facts["part"]["size"] == 100 and facts["size"] == len(TEXT)
    assert unpack(made).raw.tobytes() == TEXT[2600:2700]


def test_the_curve_is_as_long_however_the_file_comes() -> None:
    random = np.random.default_rng(2)
    for size in (0, 1, 1999, 2000, 2001, 123_457):
        costs, curve = random.random(size), Curve()
        for piece in np.split(costs, np.sort(random.integers(0, size + 1, 7))):
            curve.add(piece)
        assert curve.size == size and len(curve.sums) <= heatmap.BINS
        assert min(size, heatmap.BINS // 2) <= len(curve.sums)
        starts = np.arange(0, size, curve.step)
        assert np.allclose(curve.sums, np.add.reduceat(costs, starts) if size else [])


@pytest.mark.slow
def test_a_range_shows_the_same_and_looks_only_where_it_must(monkeypatch: pytest.MonkeyPatch) -> None:
    looked = []

    def look(raw: bytes, *arguments: Any, **options: Any) -> BlockLookahead:
        looked.append(TEXT.index(raw))
        return look_at_block(raw, *arguments, **options)

    whole, look_at_block = unpack(page(TEXT, block_size=1500)), lookahead.look_ahead
    monkeypatch.setattr(lookahead, "look_ahead", look)
    made = page(TEXT, block_size=1500, start=1600, end=3100)
    assert looked == [1500, 3000]
    found = unpack(made)
    for name, of in vars(whole).items():
        assert np.array_equal(getattr(found, name), of[1600:3100], equal_nan=name == "prior")
    assert facts_of(made)["curve"] == facts_of(page(TEXT, block_size=1500))["curve"]
    for start, end, wanted in ((-100, None, TEXT[-100:]), (5000, -900, TEXT[5000:5100]), (6000, None, b"")):
        assert unpack(page(TEXT, start=start, end=end)).raw.tobytes() == wanted
    assert unpack(page(TEXT, start=10, end=4)).raw.size == 0
    assert unpack(page(TEXT, size=None, start=5990, end=9999)).raw.tobytes() == TEXT[5990:]


def test_ranges_that_are_refused() -> None:
    for size in (None, len(TEXT)):
        with pytest.raises(ValueError, match="begins behind the end: there are 6000 bytes"):
            page(TEXT, size=size, start=6001)
    with pytest.raises(ValueError, match="needs a file"):
        page(TEXT, size=None, start=-5)
    with pytest.raises(ValueError, match="at most 2097152"):
        page(TEXT, size=None, end=heatmap.MOST_SHOWN + 1)


def test_the_page_is_the_same_every_time_and_tells_how_far_it_is() -> None:
    heard: list[tuple[int, int]] = []
    made = page(TEXT, block_size=2000, end=2500, progress=lambda done, coded: heard.append((done, coded)))
    assert made == page(TEXT, block_size=2000, end=2500, threads=2)
    assert heard == sorted(heard) and heard[-1][0] == len(TEXT)
    assert heard[-1][1] == pytest.approx(facts_of(made)["bits"] / 8, abs=1)


def test_noise_is_shown_as_stored() -> None:
    for end in (None, 0):  # looked at or not
        facts = facts_of(page(NOISE, end=end))
        assert facts["blocks"] == [[3000, 24000.0, block_header.STORED, "", 1]]
        assert facts["bits"] == sum(facts["curve"]["sums"]) == 24000
    assert not facts_of(page(NOISE))["text"]
    found = unpack(page(NOISE))
    assert np.all(found.costs == 8) and np.all(found.chances == 0) and np.all(found.memory == 8)


def test_code_is_shown_as_it_is_beside_how_it_is_coded() -> None:
    random, code = np.random.default_rng(3), bytearray()
    for call in range(200):
        code += random.bytes(20).replace(b"\xe8", b"\x90").replace(b"\xe9", b"\x90") + b"\xe8"
        code += ([100, 5000, 70000][call % 3] - len(code) - 4).to_bytes(4, "little", signed=True)
    raw = bytes(code)
    found, sight = unpack(page(raw)), lookahead.look_ahead(raw, CodingOptions(MODEL, "off"))
    assert found.raw.tobytes() == raw and found.coded.tobytes() == sight.coded != raw
    assert np.array_equal(found.expected, sight.lookahead.expected)


NAMES = [
    "</script><script>document.body.remove()</script>",
    "<!--<script>.txt",
    "a & 'b' \"c\".txt",
    "-x",
    "caf\udce9",
    "\\1",
]


@pytest.mark.parametrize("name", NAMES)
def test_odd_names_are_only_names(name: str) -> None:
    made, usual = page(b"abc", name), page(b"abc")
    for piece in (b"<script", b"</script", b"<!--", b"@@"):
        assert made.count(piece) == usual.count(piece)
    facts, readable = facts_of(made), name.replace("\udce9", "\ufffd")
    assert facts["name"] == readable
    assert shlex.split(facts["again"]) == [
        "likezip",
        "heatmap",
        f"./{name}" if name == "-x" else readable,
        "--prior",
        "off",
    ]


def test_the_command_for_another_part_has_the_options_of_this_one(tmp_path: Path) -> None:
    model = tmp_path / "other.safetensors"
    model.write_bytes(MODEL.path.read_bytes() + b" ")
    other = facts_of(page(b"", model=type(MODEL)(b"12345678", "other", model, 1), block_size=1 << 20, lanes=2))
    assert other["again"] == f"likezip heatmap file --prior off --lanes 2 --block-size 1048576 --model {model}"
    assert facts_of(page(b"", prior="auto"))["again"] == "likezip heatmap file"


def test_what_is_text() -> None:
    texts = [b"", TEXT, "Où est le café ?\r\n\t日本語".encode(), "Où est-il donc resté ?".encode("latin-1")]
    assert all(map(is_text, texts))
    assert not any(map(is_text, [NOISE, b"text\0", bytes(100), bytes(range(256))]))


def test_the_page_needs_nothing_else() -> None:
    made = page(TEXT).decode()
    assert "default-src 'none'" in made
    for outside in ("http:", "https:", "src=", "url(", "import(", "eval(", "innerHTML", "fetch("):
        assert outside not in made


def seen(raw: bytes, costs: npt.NDArray[np.float64] | None = None) -> bytes:
    """A page of made-up costs, as for a block with the prior in 4 lanes."""
    random, size = np.random.default_rng(4), len(raw)
    costs = random.exponential(2, size) if costs is None else costs
    expected, chances = random.integers(32, 127, (size, 3)), random.random((size, 3)) / 3
    prior, mixed = (random.exponential(3, size).astype(np.float32) for _ in range(2))
    known = Lookahead(prior, mixed, expected.astype(np.uint8), chances.astype(np.float32))
    sight = BlockLookahead(raw, raw, block_header.MEMORY_PRIOR, 4, "both", costs, costs, known)
    curve = Curve()
    curve.add(costs)
    facts = {
        **{"name": "made up", "version": "1", "model": ["m", "00"], "size": size, "bits": costs.sum(), "most": 1 << 21},
        "curve": {"step": curve.step, "sums": curve.sums.tolist()},
        "blocks": [[size, costs.sum(), block_header.MEMORY_PRIOR, "both", 4]],
        "part": {"start": 0, "size": size, "bits": costs.sum(), "prior": 1.0, "memory": 1.0},
        **{"again": "likezip heatmap x", "text": True},
    }
    return heatmap.render(facts, planes_of(sight, slice(None)))


class Document(HTMLParser):
    """The texts of elements by their ids, hidden ones without; and how many there are of each class."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.texts: dict[str, str] = {}
        self.classes: dict[str, int] = {}
        self.attributes: dict[str, dict[str, str | None]] = {}
        self._open: list[tuple[str, str | None, bool]] = []
        self.feed(source)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        found = dict(attributes)
        for name in (found.get("class") or "").split():
            self.classes[name] = self.classes.get(name, 0) + 1
        self.attributes[found.get("id") or tag] = found
        if tag not in ("meta", "link", "input", "br"):
            hidden = "hidden" in found or (bool(self._open) and self._open[-1][2])
            self._open.append((tag, found.get("id"), hidden))

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        for _, name, _ in self._open:
            if name and not self._open[-1][2]:
                self.texts[name] = f"{self.texts.get(name, '')} {data}".strip()


class Browser:
    """Headless Chromium, started anew for each page."""

    def __init__(self, program: str, directory: Path) -> None:
        self._program, self._directory = program, directory
        self._pages = 0

    def _run(self, made: bytes, fragment: str, *options: str, fails: bool = False) -> str:
        self._pages += 1
        place = self._directory / f"{self._pages}.html"
        place.write_bytes(made)
        command = [self._program, "--headless=new", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr"]
        command += ["--virtual-time-budget=10000", "--window-size=1200,900", *options, f"{place.as_uri()}{fragment}"]
        for attempt in range(3):  # it may hang
            profile = f"--user-data-dir={self._directory / f'{self._pages}.{attempt}'}"
            try:
                done = subprocess.run([*command[:-1], profile, command[-1]], capture_output=True, timeout=40)
            except subprocess.TimeoutExpired:
                continue
            said = done.stderr.decode(errors="replace")
            assert "Refused to" not in said and ("Uncaught" in said) == fails, said
            return done.stdout.decode()
        pytest.fail("the browser hung three times")

    def document(
        self, made: bytes, fragment: str = "", *, script: str = "", dark: bool = False, ready: bool = True
    ) -> Document:
        """What becomes of a page; ``script`` runs once it is ``ready``, which it has to become, or must not."""
        watch = f"""<script>{{
          const waiting = setInterval(() => {{
            if (!document.documentElement.dataset.ready) return;
            clearInterval(waiting);
            {script}
          }}, 20);
        }}</script></body>"""
        source = self._run(
            made.replace(b"</body>", watch.encode()), fragment, "--dump-dom", *self._scheme(dark), fails=not ready
        )
        document = Document(source)
        assert ("data-ready" in document.attributes["html"]) == ready
        return document

    def picture(self, made: bytes, fragment: str = "", *, dark: bool = False) -> npt.NDArray[np.float64]:
        """(height, width, 3), from 0 to 1."""
        place = self._directory / f"{self._pages}.png"
        self._run(made, fragment, f"--screenshot={place}", *self._scheme(dark))
        pixels: npt.NDArray[np.float64] = imread(place)[:, :, :3]
        return pixels

    @staticmethod
    def _scheme(dark: bool) -> tuple[str, ...]:
        return (f"--blink-settings=preferredColorScheme={0 if dark else 1}",)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Browser:
    program = next(filter(None, map(shutil.which, CHROMES)), None)
    if program is None:
        pytest.skip(f"none of {', '.join(CHROMES)} is here")
    return Browser(program, tmp_path_factory.mktemp("browser"))


@pytest.fixture(scope="module")
def usual() -> bytes:
    """A page with the prior, as any text has it."""
    return page(TEXT, "text.py", prior="on", lanes=2)


@pytest.mark.slow
@pytest.mark.parametrize("view", ["text", "hex"])
def test_the_address_selects_a_byte(browser: Browser, usual: bytes, view: str) -> None:
    found = unpack(usual)
    at = int(np.argmax((found.costs > 3) & (found.expected == found.raw[:, None]).any(1) & (np.arange(6000) > 3500)))
    document = browser.document(usual, f"#at={at}&view={view}")
    texts = document.texts
    assert texts["name"] == "text.py" and "6,000 bytes, compressed about" in texts["summary"]
    assert f"offset {at:,}, 0x{at:x}" == texts["place"]
    assert f"0x{TEXT[at]:02x} · {TEXT[at]}" in texts["what"]
    bits = texts["bits"].split()
    for name, shown in (("together", found.costs), ("prior alone", found.prior), ("memory alone", found.memory)):
        assert float(bits[bits.index(name.split()[0]) + len(name.split())]) == pytest.approx(shown[at], abs=0.051)
    expected = [byte for byte in texts["expected"].split() if re.fullmatch("[0-9a-f]{2}", byte)]
    assert all(f"{byte:02x}" in expected for byte in found.expected[at]) and "✓" in texts["expected"]
    assert texts["how"] == "Block 1 of 1: memory and prior, 2 lanes. This is lane 2, which begins at 3,000."
    assert document.attributes[view]["aria-pressed"] == "true"
    assert document.classes["at"] == (1 if view == "text" else 2)


@pytest.mark.slow
def test_characters_of_several_bytes_and_bytes_that_are_none(browser: Browser) -> None:
    raw = "Žluťoučký kůň\tpěl\r\nďábelské ódy — 日本語 😀 \u202e!\n".encode() + b"\xff\xed\xa0\x80\x01 end\n"
    wanted = {
        1: "byte 2 of 2 of U+017D",
        raw.index("日".encode()) + 2: "byte 3 of 3 of U+65E5",
        raw.index("😀".encode()): "byte 1 of 4 of U+1F600",
        raw.index(b"\xff"): "0xff · 255 · no UTF-8",
        raw.index(b"\xff") + 2: "0xa0 · 160 · no UTF-8",
    }
    script = f"""document.body.dataset.result = {list(wanted)}.map((place) => {{
      select(place);
      return document.getElementById("what").textContent;
    }}).join("\\n");"""
    document = browser.document(page(raw), "#view=text", script=script)
    said = (document.attributes["body"]["data-result"] or "").split("\n")
    assert all(text in line for text, line in zip(wanted.values(), said, strict=True))
    lines = document.texts["sheet"].replace(" ", "")
    assert "Žluťoučkýkůň⇥pěl←↵" in lines and "日本語" in lines and "▯!↵" in lines and "ffeda08001end↵" in lines
    assert document.classes["stripes4"] == 1 and document.classes["stripes3"] == 5


@pytest.mark.slow
def test_pages_with_little_to_show(browser: Browser) -> None:
    assert browser.document(page(b"")).texts["summary"] == "The file is empty: there is nothing to show."
    stored = browser.document(page(NOISE), "#at=77")
    assert "stored as it is. Nothing makes it smaller: each byte takes 8 bits." in stored.texts["how"]
    assert "nothing" in stored.texts["expected"] and stored.classes["l-stored"] > 100 and "l-20" not in stored.classes
    none = browser.document(page(TEXT, start=6000), "#at=6000")
    assert "shows none of the bytes" in none.texts["shown"]
    assert "There is no byte 6,000" in none.texts["message"]


@pytest.mark.slow
def test_a_part_tells_how_to_see_the_others(browser: Browser) -> None:
    texts = browser.document(page(TEXT, NAMES[0], start=1000, end=2000), "#at=2100").texts
    assert texts["name"] == NAMES[0]
    assert "shows bytes 1,000 to 1,999" in texts["shown"]
    for place, span in (("shown", "2000:6000 -o heatmap-2000.html"), ("message", "0:6000 -o heatmap-0.html")):
        assert f"likezip heatmap {shlex.quote(NAMES[0])} --prior off --range {span}" in texts[place]
    assert "Byte 2,100 is not in this page." in texts["message"]


@pytest.mark.slow
def test_keys_go_from_byte_to_byte(browser: Browser) -> None:
    keys = ["ArrowRight", "ArrowRight", "ArrowDown", "End", "n", "n", "p", "Home", "PageDown", "Ctrl End"]
    script = f"""
      const went = {keys}.map((key) => {{
        const options = {{ key: key.replace("Ctrl ", ""), ctrlKey: key.startsWith("Ctrl") }};
        document.getElementById("pane").dispatchEvent(new KeyboardEvent("keydown", options));
        return document.getElementById("place").textContent.match(/[0-9,]+/)[0].replaceAll(",", "");
      }});
      document.body.dataset.result = went.join(" ");
    """
    raw = b"0123456789\n" * 100
    costs = np.ones(len(raw))
    costs[[500, 700, 900]] = 8, 9, 7
    document = browser.document(seen(raw, costs), script=script)
    went = [int(place) for place in (document.attributes["body"]["data-result"] or "").split()]
    assert went[:8] == [0, 1, 12, 21, 500, 700, 500, 495]
    assert went[8] % 11 == 0 and went[8] > 600 and went[9] == len(raw) - 1
    assert "1,099" in document.texts["place"] and "line feed" in document.texts["status"]


@pytest.mark.slow
@pytest.mark.parametrize("dark", [False, True])
def test_every_colour_leaves_the_text_legible(browser: Browser, dark: bool) -> None:
    script = """
      const light = (colour) => colour.match(/[0-9.]+/g).slice(0, 3).map(Number).map((v) => v / 255)
        .map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
        .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0.05);
      const found = [...Array(32).keys(), "stored"].map((name) => {
        const probe = document.body.appendChild(document.createElement("span"));
        probe.className = `l-${name}`;
        const style = getComputedStyle(probe), two = [light(style.color), light(style.backgroundColor)];
        return [two[1], Math.max(...two) / Math.min(...two)];
      });
      document.body.dataset.result = JSON.stringify(found);
    """
    document = browser.document(page(b"abc"), script=script, dark=dark)
    found = np.array(json.loads(document.attributes["body"]["data-result"] or ""))
    assert found.shape == (33, 2) and found[:, 1].min() > 4.5
    assert np.all(np.diff(found[:32, 0]) > 0 if dark else np.diff(found[:32, 0]) < 0)


@pytest.mark.slow
def test_without_what_it_needs_the_page_says_so(browser: Browser) -> None:
    made = page(TEXT)
    assert b"<noscript><p>This page draws itself with JavaScript" in made
    made = made.replace(b"<body>", b"<body><script>delete window.DecompressionStream</script>")
    assert "it needs DecompressionStream" in browser.document(made, ready=False).texts["message"]


@pytest.mark.slow
@pytest.mark.parametrize("line", [b"twenty bytes a line\n", b"\n", b"\xd0\x9f\xd0\xbe"], ids=["lines", "empty", "one"])
def test_a_long_file_is_there_but_only_what_is_seen_is_drawn(browser: Browser, line: bytes) -> None:
    raw = line * (1_000_000 // len(line))
    script = "document.body.dataset.result = document.getElementById('pane').scrollHeight;"
    document = browser.document(seen(raw), f"#at={len(raw) - 1}", script=script)
    height, rows = int(document.attributes["body"]["data-result"] or ""), 1_000_000 // len(line)
    if line.endswith(b"\n"):
        assert height == min(20 * rows, 8_000_000)
    else:
        assert 20 * 500_000 // 120 <= height <= 20 * 500_000 // 32
    assert 20 < document.classes["row"] < 70 and document.classes["line"] == document.classes["row"]
    assert document.classes["at"] == 1 and f"{len(raw) - 1:,}" in document.texts["place"]


@pytest.mark.slow
def test_screenshots_show_what_is_dear(browser: Browser) -> None:
    random = np.random.default_rng(5)
    cheap = b"the same line again, and again the same\n" * 60
    dear = b"".join(bytes(random.integers(33, 127, 39).tolist()) + b"\n" for _ in range(60))
    made = page(cheap + dear)
    for dark in (False, True):
        shots = [browser.picture(made, at, dark=dark) for at in ("#at=1200", f"#at={len(cheap) + 1200}")]
        red, green, blue = np.moveaxis(np.stack(shots)[:, 320:], 3, 0)  # below the curve and the legend
        few, many = ((red > 0.85) & (green > 0.25) & (green < 0.75) & (blue < 0.35)).sum((1, 2))
        assert many > 10 * few and many > 50_000, (few, many)
        background = shots[0][2, 2].mean()
        assert background < 0.2 if dark else background > 0.9
        assert shots[0].shape == (900, 1200, 3)
