"""The ASGI application: Starlette for the lifespan, our own border for the requests."""

from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, TypeAlias

from starlette.applications import Starlette
from starlette.types import ASGIApp, Receive, Scope, Send

from broker.api.middleware import Border
from broker.api.operations import OPERATIONS
from broker.api.router import Router
from broker.api.services import Services

Start: TypeAlias = Callable[[], AbstractAsyncContextManager[Services]]
"""Opens what the handlers work with, and closes it at the end."""


class Application(Starlette):
    """Requests go straight to the border. It renders every error itself: Starlette's layers for that are left out."""

    def __init__(self, start: Start, ending: Sequence[Callable[[], None]]) -> None:
        super().__init__(lifespan=self._serving)
        self._start = start
        self._ending = ending
        self._border: Border

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Coroutine[Any, Any, None]:
        """Without middleware, a request meets nothing before the border: each layer is a coroutine more."""
        if scope["type"] == "http" and not self.user_middleware:
            return self._border(scope, receive, send)
        return super().__call__(scope, receive, send)

    def build_middleware_stack(self) -> ASGIApp:
        """The border, within whatever middleware was added."""
        app: ASGIApp = self._dispatch
        for middleware, args, kwargs in reversed(self.user_middleware):
            app = middleware(app, *args, **kwargs)
        return app

    def end(self) -> None:
        """Soon no more is served: answers that would go on for ever are brought to their end."""
        for end in self._ending:
            end()

    async def _dispatch(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._border(scope, receive, send)
        else:
            await self.router(scope, receive, send)

    @asynccontextmanager
    async def _serving(self, _app: Starlette) -> AsyncIterator[None]:
        async with self._start() as services:
            self._border = Border(Router(OPERATIONS), services)
            try:
                yield
            finally:
                self._border.close()


def create(start: Start, ending: Sequence[Callable[[], None]] = ()) -> Application:
    """The application that serves the operations table with what `start` opens; `ending`: called when it is to end."""
    return Application(start, ending)
