"""Python face of `_fork`."""

from switch._image import Image

EXITS: dict[int, str]

def fork_image(image: Image, niceness: int) -> int:
    """Have a fork of this process write the image; gives its pid, for the caller to wait for.

    The image was made in this moment, on the thread on which the core changes. The child ends with
    0 when the image is whole, else with a key of `EXITS` or by a signal. It dies with the thread
    that calls this. Raises OSError when there is no memory or no place for a process.
    """
