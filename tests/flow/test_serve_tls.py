"""An upstream behind TLS: its certificate counts, and what is streamed is the same."""

from __future__ import annotations

import datetime
import ipaddress
import json
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from tests.flow.serving import ANSWER, proxy, put_release, streamed, upstream


def certificate(folder: Path, host: str) -> Path:
    """A self-signed one for an address, with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(host))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / f"{host}.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path


def context(path: Path) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(path)
    return made


async def test_an_upstream_behind_tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_release(tmp_path)
    known = certificate(tmp_path, "127.0.0.1")
    monkeypatch.setenv("SSL_CERT_FILE", str(known))
    chunks = (b"data: 1\n\n", b"x" * 300_000, b"data: [DONE]\n\n")
    async with upstream(tls=context(known)) as behind, proxy(tmp_path, behind.url) as front:
        assert behind.url.startswith("https:")
        for _ in range(2):
            found, body = await front.ask()
            assert (body, found.headers["x-preceptor-coaching"]) == (ANSWER, "applied")
        behind.reply = streamed(*chunks)
        assert (await front.ask())[1] == b"".join(chunks)
    assert len(behind.got) == 3


@pytest.mark.parametrize("wrong", ["127.0.0.1", "127.0.0.2"], ids=["unknown issuer", "another host"])
async def test_a_certificate_that_does_not_hold_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wrong: str
) -> None:
    put_release(tmp_path)
    used = certificate(tmp_path, wrong)
    monkeypatch.setenv("SSL_CERT_FILE", str(used if wrong == "127.0.0.2" else tmp_path / "none"))
    async with upstream(tls=context(used)) as behind, proxy(tmp_path, behind.url) as front:
        found, body = await front.ask()
    error = json.loads(body)["error"]
    assert (found.status, error["code"]) == (502, "upstream-down")
    assert "certificate" in error["message"]
    assert behind.got == []
