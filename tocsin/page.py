"""One page of HTML that needs nothing else."""

from html import escape

_STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;margin:2rem;max-width:80rem}"
    "table{border-collapse:collapse}th,td{padding:.2rem .8rem;text-align:left;border-bottom:1px solid #ddd}"
)


def page(title: str, body: str) -> str:
    """A whole page; ``body`` is HTML, ``title`` is text."""
    return (
        f'<!doctype html><meta charset="utf-8"><title>{escape(title)}</title><style>{_STYLE}</style>'
        f"<h1>{escape(title)}</h1>\n{body}\n"
    )
