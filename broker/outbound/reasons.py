"""Why a call to another host has no answer, in words that whoever asked for it is told."""

import socket
import ssl


class CallError(Exception):
    """No usable answer. `reason` completes a sentence: "… can't be fetched: `reason`"."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class AddressRefused(CallError):
    """The guard does not permit the address."""

    def __init__(self) -> None:
        super().__init__("its address is not public, and NGSILD_ALLOWED_NETWORKS does not allow it")


class Overdue(CallError):
    """There was no complete answer in time."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"there was no complete answer within {seconds:g} s")


def in_words(error: Exception) -> CallError:
    """Why a host can't be reached."""
    if isinstance(error, ssl.SSLError):
        return CallError("its certificate is not valid")
    if isinstance(error, socket.gaierror):
        return CallError("its host name can't be resolved")
    if isinstance(error, ConnectionRefusedError):
        return CallError("its host refuses the connection")
    return CallError("its host can't be reached")
