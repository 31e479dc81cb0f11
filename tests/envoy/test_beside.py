"""A processor beside somebody else's Envoy: by a socket, a port, with certificates; coming, going and being killed."""

import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from extproc.dataplane.place import ProcessorTls
from tests.dataplane.certificates import Ca
from tests.envoy.beside import CALLER, Beside, Processor, beside, load
from tests.envoy.demo import Demo
from tests.envoy.gateway import free_port
from tests.envoy.processes import eventually
from tests.transport.hop import NAME, Pki, pki, show

QUICK = ("--linger", "1500ms", "--drain", "5s")


def config(demos: dict[str, Demo], *names: str, **more: Any) -> dict[str, Any]:
    providers = {name: demos[name].configured(models=["m", name]) for name in names or ("lab",)}
    return {"providers": providers, "callers": [{"name": "ci", "key": CALLER}], **more}


@pytest.fixture
def here(demos: dict[str, Demo]) -> Iterator[Beside]:
    with beside(config(demos)) as made:
        yield made


def on_port(here: Beside, *arguments: str) -> tuple[str, Processor]:
    address = f"127.0.0.1:{free_port()}"
    return address, here.processor("--listen", address, *QUICK, *arguments)


# --- how Envoy reaches it --------------------------------------------------------------------------------------------


def test_over_a_port(here: Beside, demos: dict[str, Demo]) -> None:
    address, processor = on_port(here)
    here.render(config(demos), (address,))
    here.envoy()
    here.until_answered()
    assert processor.decided() >= 1
    assert "plain text" not in processor.err.text()  # it is loopback
    eventually(lambda: processor.metric("extproc_log_records_total", 'kind="exchange"') >= 1, "its records")


def test_over_a_socket_that_the_group_may_use(here: Beside, demos: dict[str, Demo]) -> None:
    socket = here.directory / "p.sock"
    processor = here.processor("--listen", f"unix://{socket}", "--socket-mode", "0660", *QUICK)
    here.render(config(demos), (str(socket),))
    here.envoy()
    here.until_answered()
    assert stat.S_IMODE(socket.stat().st_mode) == 0o660
    assert processor.stop() == 0
    assert not socket.exists()


def tls_of(made: Pki) -> tuple[str, ...]:
    files = made.files
    return (
        "--tls-certificate",
        str(files.certificate),
        "--tls-key",
        str(files.key),
        "--tls-client-ca",
        str(files.client_ca),
    )


def envoys_side(directory: Path, made: Pki, client: Any = None) -> ProcessorTls:
    """In a directory of its own, because Envoy follows directories."""
    theirs = directory / "envoy"
    theirs.mkdir(exist_ok=True)
    certificate, key = (client or made.client).write(theirs)
    (theirs / "ca.pem").write_bytes(made.server_ca.certificate)
    return ProcessorTls(str(theirs / "ca.pem"), str(certificate), str(key), NAME)


def test_with_certificates_and_no_stranger_is_let_in(here: Beside, demos: dict[str, Demo]) -> None:
    made = pki(here.directory)
    address, processor = on_port(here, *tls_of(made))
    tls = envoys_side(here.directory, made)
    here.render(config(demos), (address,), tls)
    here.envoy()
    here.until_answered()
    decided = processor.decided()
    stranger = Ca("a stranger's").issue("envoy")
    with beside(config(demos)) as other:
        other.render(config(demos), (address,), envoys_side(other.directory, made, stranger))
        other.envoy()
        eventually(lambda: _refused(other), "a refusal", 30)
    assert processor.decided() == decided


def _refused(other: Beside) -> bool:
    try:
        answer = other.ask()
    except OSError:
        return False
    except Exception:
        return False
    return answer.status_code == 503 and answer.json()["error"]["code"] == "processor_unavailable"


def test_certificates_of_both_sides_rotate_under_load(here: Beside, demos: dict[str, Demo]) -> None:
    """As it is done: new CAs are trusted before anybody shows their certificates. At the end a connection that is made
    anew, to a processor that has seen nothing else, shows that both sides have the new ones."""
    made = pki(here.directory)
    address, old = on_port(here, *tls_of(made))
    later = f"127.0.0.1:{free_port()}"
    theirs = envoys_side(here.directory, made)
    here.render(config(demos), (address, later), theirs)
    here.envoy()
    here.until_answered()
    with load(here.url) as under:
        server, client, both = Ca("the next of the processor"), Ca("the next of Envoy"), Ca()
        both.certificate = made.client_ca.certificate + client.certificate
        show(made.files, made.server_ca.issue("processor", NAME), both)
        _move(Path(theirs.ca), made.server_ca.certificate + server.certificate)
        time.sleep(1)
        show(made.files, server.issue("processor", NAME), client)
        shown = client.issue("envoy")
        _move(Path(theirs.certificate), shown.certificate)
        _move(Path(theirs.key), shown.key)
        new = here.processor("--listen", later, *QUICK, *tls_of(made)).until()
        eventually(lambda: new.decided() > 0, "decisions of the new processor", 20)
        assert old.stop() == 0
        time.sleep(1)
    assert under.failed == {} and under.answers["200"] > 50


def _move(file: Path, contents: bytes) -> None:
    """Envoy looks when a file is moved into its directory."""
    staged = file.parent.with_name("staged")
    staged.write_bytes(contents)
    staged.replace(file)


# --- coming and going ------------------------------------------------------------------------------------------------


def test_it_says_that_it_goes_before_it_does(here: Beside, demos: dict[str, Demo]) -> None:
    address, processor = on_port(here)
    here.render(config(demos), (address,))
    here.envoy()
    here.until_answered()
    processor.terminate()
    processor.until("draining")
    assert processor.readyz()["code"] == 503
    assert here.ask().status_code == 200  # it still decides
    assert processor.process.wait(20) == 0


def test_a_rolling_restart_of_two_fails_nothing(here: Beside, demos: dict[str, Demo]) -> None:
    """The new one first, then the old one goes, twice."""
    addresses = [f"127.0.0.1:{free_port()}" for _ in range(4)]
    here.render(config(demos), tuple(addresses))
    old = [here.processor("--listen", address, *QUICK).until() for address in addresses[:2]]
    here.envoy()
    here.until_answered()
    with load(here.url) as under:
        time.sleep(1)
        for leaving, address in zip(old, addresses[2:], strict=True):
            here.processor("--listen", address, *QUICK).until()
            time.sleep(1.5)
            assert leaving.stop() == 0
        time.sleep(1)
    assert under.failed == {} and under.answers["200"] > 50
    assert all(processor.decided() > 0 for processor in here.processors[2:])


def test_one_of_two_is_killed(here: Beside, demos: dict[str, Demo]) -> None:
    addresses = [f"127.0.0.1:{free_port()}" for _ in range(2)]
    here.render(config(demos), tuple(addresses))
    killed, _ = [here.processor("--listen", address, *QUICK).until() for address in addresses]
    here.envoy()
    here.until_answered()
    with load(here.url) as under:
        time.sleep(1.5)
        killed.kill()
        time.sleep(3)
    assert sum(under.failed.values()) <= 2 and under.answers["200"] > 50  # those that it had in its hands
