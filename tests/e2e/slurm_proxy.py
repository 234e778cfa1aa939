"""TLS in front of a real slurmrestd, which has none of its own: certificates, and a proxy that terminates them."""

import asyncio
import ssl
import subprocess
import threading
from pathlib import Path

_DAY = "-days"


def authority(base: Path, name: str) -> Path:
    """A certificate authority: its certificate, beside its key."""
    base.mkdir(exist_ok=True)
    _openssl(
        *("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", _DAY, "2"),
        *("-keyout", str(base / f"{name}.key"), "-out", str(base / f"{name}.pem"), "-subj", f"/CN={name}"),
        *("-addext", "keyUsage=critical,keyCertSign,cRLSign"),
    )
    return base / f"{name}.pem"


def certificate(ca: Path, names: str) -> Path:
    """A certificate for these names (`IP:127.0.0.1`, `DNS:…`), with its key, of this authority."""
    path = ca.with_name(f"{ca.stem}-server.pem")
    request, key, extension = path.with_suffix(".csr"), path.with_suffix(".key"), path.with_suffix(".ext")
    extension.write_text(f"subjectAltName={names}\nauthorityKeyIdentifier=keyid\n")
    _openssl(
        *("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=slurm"),
        *("-keyout", str(key), "-out", str(request)),
    )
    _openssl(
        *("x509", "-req", "-in", str(request), "-CA", str(ca), "-CAkey", str(ca.with_suffix(".key"))),
        *("-CAcreateserial", "-extfile", str(extension), "-out", str(path), _DAY, "2"),
    )
    path.write_text(path.read_text() + key.read_text())
    return path


def _openssl(*words: str) -> None:
    subprocess.run(["openssl", *words], check=True, capture_output=True)


class Proxy:
    """Decrypts what comes and hands it on to a port of this host; in a thread of its own until the block ends."""

    def __init__(self, pem: Path, port: int) -> None:
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._tls.load_cert_chain(pem)
        self._to = port
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)

    def __enter__(self) -> str:
        self._thread.start()
        self._ready.wait()
        return f"https://127.0.0.1:{self._port}"

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join()

    async def _run(self) -> None:
        self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._tls)
        self._port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._end.wait()
        server.close()
        server.close_clients()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        back, forth = await asyncio.open_connection("127.0.0.1", self._to)
        await asyncio.gather(_copy(reader, forth), _copy(back, writer))


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    try:
        while content := await source.read(2**16):
            target.write(content)
            await target.drain()
    except OSError:
        pass
    finally:
        target.close()
