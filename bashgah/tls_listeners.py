"""TLS of the listeners: certificates read at start, and again at SIGHUP.

Owns when the files are read, and that a key which others can read is refused. What is in them is
`switch._tls`'s.
"""

import signal
from collections.abc import Mapping

import structlog
import trio

from switch._tls import Tls
from switch.config import Config, ListenerTls, expect_secret
from switch.errors import OperatingError

log = structlog.get_logger("bashgah.tls_listeners")


def open_tls(config: Config) -> dict[str, Tls]:
    """Read the certificates of all listeners that have some, by listener. Raises OperatingError."""
    opened = {}
    for listener in config.listener:
        if listener.tls is not None:
            files = listener.tls
            try:
                expect_secret(files.key)
                opened[listener.name] = Tls(
                    str(files.certificate), str(files.key), str(files.client_ca), files.names
                )
            except OperatingError as error:
                raise OperatingError(f"listener {listener.name}: {error}") from error
    return opened


async def reload_on_hangup(config: Config, opened: Mapping[str, Tls]) -> None:
    """Read the files again at each SIGHUP: new connections get them, open ones go on.

    Files that cannot be used leave their listener as it was. Without TLS a hangup ends the switch,
    as it does other programs.
    """
    if not opened:
        return
    files = {listener.name: listener.tls for listener in config.listener if listener.tls}
    with trio.open_signal_receiver(signal.SIGHUP) as signals:
        async for _ in signals:
            for name, tls in opened.items():
                _reload(name, files[name], tls)


def _reload(name: str, files: ListenerTls, tls: Tls) -> None:
    try:
        expect_secret(files.key)
        tls.reload()
    except OperatingError as error:
        log.error("certificates_kept", listener=name, error=str(error))
    else:
        log.info("certificates_read", listener=name)
