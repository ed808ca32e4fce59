"""How the console is, for whoever watches over it; nothing here says anything of people."""

from fastapi import APIRouter, Request, Response

from console.office import Office
from console.web.entrance import office_of
from transport.metrics import Facts, counted, exposition

router = APIRouter(include_in_schema=False)
_PRESENT = ("screens",)


@router.get("/healthz")
async def alive() -> Response:
    """A console that answers is alive."""
    return Response("alive\n", media_type="text/plain")


@router.get("/readyz")
async def ready(request: Request) -> Response:
    """Whether everything is there that the console needs."""
    needs = office_of(request).needs()
    text = "".join(f"{name}: {'there' if there else 'missing'}\n" for name, there in needs.items())
    return Response(text, status_code=200 if all(needs.values()) else 503, media_type="text/plain")


@router.get("/metrics")
async def metrics(request: Request) -> Response:
    """Figures as Prometheus reads them."""
    return Response(exposition(_facts(office_of(request))), media_type="text/plain; version=0.0.4")


def _facts(office: Office) -> Facts:
    return Facts(
        service="console",
        figures=lambda: counted(office.counters(), now=_PRESENT),
        ready=office.needs,
    )
