"""Which release is served, to whom, and what operators see."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.flow.serving import Running, proxy, put_release, until, upstream

from preceptor.cli.boundary import run
from preceptor.core.errors import ConfigError
from preceptor.library.release import SUFFIX
from preceptor.library.release_pointer import POINTER, Pointed, write_pointer
from preceptor.serve.keys import KeyFile, Keys, key_line, new_key


async def release_of(front: Running) -> str:
    found, _ = await front.ask()
    return found.headers.get("x-preceptor-release", found.headers.get("x-preceptor-reason", ""))


async def served(front: Running, wanted: str) -> None:
    while await release_of(front) != wanted:  # noqa: ASYNC110 - asking is the look
        await asyncio.sleep(0.01)


async def ready(front: Running) -> tuple[int, str, str | None]:
    async with front.http.get(front.url + "/readyz") as found:
        told = await found.json()
        return found.status, told["status"], told["release"]


async def test_publishing_takes_effect_in_every_replica_within_a_second(tmp_path: Path) -> None:
    first = put_release(tmp_path, "Explain")
    async with (
        upstream() as behind,
        proxy(tmp_path, behind.url, poll_seconds=0.2) as one,
        proxy(tmp_path, behind.url, poll_seconds=0.2) as two,
    ):
        assert [await release_of(one), await release_of(two)] == [first, first]
        second = put_release(tmp_path, "Quote", seq=2)
        async with asyncio.timeout(1):
            await served(one, second)
            await served(two, second)
        write_pointer(tmp_path, Pointed(digest="", seq=3))
        async with asyncio.timeout(1):
            await served(one, "no-release")
        assert await ready(one) == (200, "ready", None)


@pytest.mark.parametrize(
    "harm", ["cut", "altered", "missing", "trial", "pointer", "deep pointer", "path in pointer", "pointer gone"]
)
async def test_what_cannot_be_used_is_refused_and_the_old_one_stays(tmp_path: Path, harm: str) -> None:
    first = put_release(tmp_path, "Explain")
    async with upstream() as behind, proxy(tmp_path, behind.url) as front:
        new = put_release(tmp_path, "Quote", publish=False, trial=harm == "trial")
        path = tmp_path / f"{new}{SUFFIX}"
        data = path.read_bytes()
        if harm == "cut":
            path.write_bytes(data[:-10])
        elif harm == "altered":
            path.write_bytes(data.replace(b"Quote", b"Grant"))
        elif harm == "missing":
            path.unlink()
        digest = data.split(b"\n")[0].split()[-1].decode()
        pointers = {"pointer": "{", "deep pointer": "[" * 100_000, "path in pointer": '{"digest":"../x","seq":2}'}
        if harm in pointers:
            (tmp_path / POINTER).write_text(pointers[harm])
        elif harm == "pointer gone":
            (tmp_path / POINTER).unlink()
        else:
            write_pointer(tmp_path, Pointed(digest=digest, seq=2))
        await until(lambda: any(line["event"] == "release-refused" for line in front.lines))
        assert await release_of(front) == first
        async with front.http.get(front.url + "/readyz") as found:
            assert (found.status, (await found.json())["release"]) == (200, first)
            assert (await found.json())["problem"]
        if harm in ("cut", "altered", "missing"):  # the file was still on its way
            path.write_bytes(data)
            await until(lambda: any(line.get("release") == new for line in front.lines))
            assert await release_of(front) == new
        else:  # it is followed on
            write_pointer(tmp_path, Pointed(digest="", seq=3))
            await until(lambda: front.lines[-1]["event"] == "release-changed")
            assert await release_of(front) == "no-release"


async def test_a_release_that_breaks_what_reads_it_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(release: object, **given: object) -> None:
        raise KeyError("x")

    first = put_release(tmp_path, "Explain")
    async with upstream() as behind, proxy(tmp_path, behind.url) as front:
        assert await release_of(front) == first
        with monkeypatch.context() as patched:
            patched.setattr("preceptor.serve.follow.Coach.from_release", broken)
            second = put_release(tmp_path, "Quote", seq=2)
            await until(lambda: front.lines[-1]["event"] == "release-refused")
            assert await release_of(front) == first
        await until(lambda: front.lines[-1]["event"] == "release-changed")
        assert await release_of(front) == second


async def test_where_nothing_was_ever_published_readyz_says_what_to_do(tmp_path: Path) -> None:
    async with upstream() as behind, proxy(tmp_path, behind.url) as front:
        async with front.http.get(front.url + "/readyz") as found:
            assert found.status == 503
            assert "preceptor release publish" in (await found.json())["problem"]
        put_release(tmp_path, "Explain")
        await until(lambda: any(line["event"] == "release-changed" for line in front.lines))
        async with front.http.get(front.url + "/readyz") as found:
            assert (found.status, (await found.json())["problem"]) == (200, None)


async def test_without_a_usable_release_it_forwards_and_is_not_ready(tmp_path: Path) -> None:
    write_pointer(tmp_path, Pointed(digest="0" * 64, seq=1))
    async with upstream() as behind, proxy(tmp_path, behind.url) as front:
        assert await ready(front) == (503, "not ready", None)
        found, _ = await front.ask()
        told = found.headers["x-preceptor-coaching"], found.headers["x-preceptor-reason"]
        assert (found.status, told) == (200, ("failed", "not-ready"))
    async with upstream() as behind, proxy(tmp_path, behind.url, refuse=True) as front:
        found, _ = await front.ask()
        assert found.status == 503
        write_pointer(tmp_path, Pointed(digest="", seq=2))  # nothing is published: that is no failure
        async with asyncio.timeout(5):
            await served(front, "no-release")


async def test_a_trial_is_served_as_a_trial_only(tmp_path: Path) -> None:
    trial = put_release(tmp_path, "Explain", trial=True)
    async with upstream() as behind, proxy(tmp_path, behind.url, trial=True) as front:
        found, _ = await front.ask()
        assert found.headers["x-preceptor-release"] == trial
        for path in ("/v1/models", "/healthz", "/readyz", "/metrics", "/nothing", "/v1/../x"):
            async with front.http.get(front.url + path) as other:
                assert other.headers["x-preceptor-trial"] == "true", path
        assert found.headers["x-preceptor-trial"] == "true"
    async with upstream() as behind, proxy(tmp_path, behind.url) as front:
        assert await release_of(front) == "not-ready"
        found, body = await front.ask(x_preceptor_release=trial)
        assert found.status == 400
        assert b"trial" in body


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--release", "TRIAL"], "is a trial release"),
        (["--releases", "NONE"], "there is no folder"),
        (["--idle", "0"], "--idle"),
        (["--drain", "-1"], "--drain"),
    ],
)
def test_what_could_never_be_served_is_said_at_once(
    tmp_path: Path, given: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    trial = put_release(tmp_path, trial=True)
    places = {"TRIAL": str(tmp_path / f"{trial}{SUFFIX}"), "NONE": str(tmp_path / "none")}
    assert run(["serve", "--upstream", "http://127.0.0.1:9/v1", "--port", "0", *(places.get(g, g) for g in given)])
    assert said in capsys.readouterr().err


async def test_headers_of_a_request_control_it(tmp_path: Path) -> None:
    other = put_release(tmp_path, "Quote", publish=False)
    current = put_release(tmp_path, "Explain", "Extend", "Report")
    async with upstream() as behind, proxy(tmp_path, behind.url) as front:
        off, _ = await front.ask(x_preceptor_coach="off")
        one, _ = await front.ask(x_preceptor_max_strategies="1")
        more, _ = await front.ask(x_preceptor_max_strategies="999")
        none, _ = await front.ask(x_preceptor_floor="1")
        named, _ = await front.ask(x_preceptor_release=other)
    assert [off.headers["x-preceptor-coaching"], none.headers["x-preceptor-reason"]] == ["off", "nothing-fits"]
    assert one.headers["x-preceptor-strategies"].count(",") == 0
    assert one.headers["x-preceptor-release"] == current
    assert more.headers["x-preceptor-strategies"].count(",") < 4
    assert named.headers["x-preceptor-release"] == other
    assert "Quote" in behind.got[-1].json["messages"][0]["content"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("x-preceptor-coach", "maybe"),
        ("x-preceptor-floor", "nan"),
        ("x-preceptor-floor", "0_1"),
        ("x-preceptor-max-words", "-1"),
        ("x-preceptor-unknown", "1"),
        ("x-preceptor-release", "../../etc/passwd"),
        ("x-preceptor-release", "release-0123456789abcdef"),
    ],
)
async def test_control_that_cannot_be_used_is_an_error(tmp_path: Path, name: str, value: str) -> None:
    put_release(tmp_path)
    async with upstream() as behind, proxy(tmp_path, behind.url) as front:
        found, body = await front.ask(**{name: value})
        assert (found.status, json.loads(body)["error"]["code"]) == (400, "bad-control-header")
    async with upstream() as behind, proxy(tmp_path, behind.url, control=False) as front:
        found, _ = await front.ask(**{name: value})
        assert found.status == 200
        assert behind.got[0].header(name) is None


async def test_own_keys_let_in_and_stay_here(tmp_path: Path) -> None:
    key = new_key()
    (tmp_path / "keys").write_text(f"# who may call\n{key_line('web-app', key)}  # since May\n")
    keys = KeyFile(tmp_path / "keys")
    assert key not in (tmp_path / "keys").read_text()
    for upstream_key, sent in (("theirs", "Bearer theirs"), ("", None)):
        async with upstream() as behind, proxy(tmp_path, behind.url, keys=keys, upstream_key=upstream_key) as front:
            refused = [(await front.ask(**given))[0].status for given in ({}, {"authorization": "Bearer x"})]
            found, _ = await front.ask(authorization=f"Bearer {key}")
        assert (refused, found.status) == ([401, 401], 200)
        assert [got.header("authorization") for got in behind.got] == [sent]
        assert front.requests()[-1]["user"] == "web-app"
        assert key not in json.dumps(front.lines)
        assert "theirs" not in json.dumps(front.lines)


async def test_a_key_that_is_taken_out_of_its_file_lets_in_no_more(tmp_path: Path) -> None:
    old, new = new_key(), new_key()
    path = tmp_path / "keys"
    path.write_text(key_line("old", old))
    keys = KeyFile(path)

    async def told(front: Running, event: str) -> list[int]:
        count = len(heard())
        (tmp_path / "next").write_text(
            {"keys-changed": key_line("new", new), "keys-refused": "?", "none": ""}[event]
        )
        (tmp_path / "next").replace(path)
        await until(lambda: len(heard()) > count)
        assert heard()[count:] == ["keys-changed" if event == "none" else event]
        return [(await front.ask(authorization=f"Bearer {key}"))[0].status for key in (old, new)]

    async with upstream() as behind, proxy(tmp_path, behind.url, keys=keys) as front:

        def heard() -> list[str]:
            return [line["event"] for line in front.lines if line["event"].startswith("keys-")]

        assert (await front.ask(authorization=f"Bearer {old}"))[0].status == 200
        assert await told(front, "keys-changed") == [401, 200]
        assert await told(front, "keys-refused") == [401, 200]
        assert await told(front, "none") == [401, 401]
    path.write_text(key_line("old", old))
    assert (keys.holder_now(f"Bearer {old}"), keys.holder_now(f"Bearer {new}")) == ("old", None)


async def test_the_upstreams_key_takes_the_place_of_the_clients(tmp_path: Path) -> None:
    async with upstream() as behind, proxy(tmp_path, behind.url, upstream_key="server-side") as front:
        await front.ask(authorization="Bearer client")
    assert behind.got[0].header("authorization") == "Bearer server-side"


async def test_the_log_holds_no_content_unless_asked(tmp_path: Path) -> None:
    put_release(tmp_path)
    for asked in (False, True):
        async with upstream() as behind, proxy(tmp_path, behind.url, log_content=asked) as front:
            await front.ask("I want a refund, says Ann\n{}")
        (line,) = front.requests()
        assert ("Ann" in json.dumps(line)) is asked
        assert ("<advice>" in json.dumps(line)) is asked
        assert (line["status"], line["coaching"], line["strategies"]) == (200, "applied", ["strategy-0"])
        assert behind.got


async def test_metrics_are_what_prometheus_reads(tmp_path: Path) -> None:
    release = put_release(tmp_path)
    async with upstream() as behind, proxy(tmp_path, behind.url) as front:
        await front.ask()
        await front.post("/v1/embeddings", data=b"{}")
        async with front.http.get(front.url + "/metrics") as found:
            families = {f.name: f for f in text_string_to_metric_families((await found.read()).decode())}
    requests = {(s.labels["route"], s.labels["coaching"]): s.value for s in families["preceptor_requests"].samples}
    assert requests == {("/v1/chat/completions", "applied"): 1, ("/v1", "-"): 1}
    assert families["preceptor_release_info"].samples[0].labels == {"release": release, "search": "compiled"}
    counts = [s.value for s in families["preceptor_request_seconds"].samples if s.name.endswith("_count")]
    assert counts == [1, 1]
    assert families["preceptor_in_flight"].samples[0].value == 0


async def test_ending_lets_a_stream_finish_and_says_so(tmp_path: Path) -> None:
    go = asyncio.Event()

    async def reply(writer: asyncio.StreamWriter, got: object) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nfirst\r\n")
        await writer.drain()
        await go.wait()
        writer.write(b"4\r\nlast\r\n0\r\n\r\n")

    async with upstream(reply) as behind, proxy(tmp_path, behind.url) as front:
        front.health.draining = True
        assert (await ready(front))[:2] == (503, "draining")
        async with front.http.post(front.url + "/v1/chat/completions", data=b"{}") as found:
            assert await found.content.readany() == b"first"
            front.server.should_exit = True
            await asyncio.sleep(0.3)
            go.set()
            assert await found.content.read() == b"last"


def test_key_files_that_cannot_be_used_are_said(tmp_path: Path) -> None:
    for text in ("", "# none\n", "web sha256:xyz", "web plain-key"):
        (tmp_path / "keys").write_text(text)
        with pytest.raises(ConfigError):
            KeyFile(tmp_path / "keys")
    with pytest.raises(ConfigError):
        KeyFile(tmp_path / "none")
    with pytest.raises(ConfigError):
        key_line("two words", new_key())
    assert Keys({}).holder("Bearer x") is None
