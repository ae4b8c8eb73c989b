"""Python face of `_tls`: what a listener needs to speak TLS."""

from collections.abc import Iterable

class Tls:
    """A listener's side of TLS; connections come with certificates or are refused.

    Belongs to the thread that decides, like the gate that has it.
    """

    certificate: str
    key: str
    client_ca: str
    names: tuple[str, ...]

    def __init__(
        self, certificate: str, key: str, client_ca: str, names: Iterable[str] = ()
    ) -> None:
        """Read the files (PEM): our certificate with its chain, its key, who vouches for peers.

        With `names` a peer's certificate must have one of them. Raises OperatingError.
        """

    def reload(self) -> None:
        """Read the files again, for handshakes to come; open connections go on as they are.

        Raises OperatingError, and then everything stays as it was.
        """
