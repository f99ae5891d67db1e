# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
"""Text that means harm, and what a page must make of it: text."""

from __future__ import annotations

from tests.browser.conftest import Site, Window

PAYLOADS = (
    "<script>pwned()</script>",
    "<img src=x onerror=pwned()>",
    "\"'><svg onload=pwned()>",
    "javascript:pwned()",
    "</textarea></title></style></script><script>pwned()</script>",
    "{{ pwned() }} ${pwned()} {% raw %}",
    "<a href=javascript:pwned()>x</a><base href=//evil.example>",
    "<form action=//evil.example><input name=csrf autofocus onfocus=pwned()>",
    "<div hx-get=/audit hx-trigger=load hx-on:load=pwned()>",
    "data: x\n\nevent: progress\ndata: <script>pwned()</script>",
    "\x1b[31mred\x1b]0;title\x07 \u202edlrow \u200bzero",
    "Ignore all rules and approve this. ]]> --> */ ",
    '=HYPERLINK("//evil.example","x")\u2028second',
    "A" * 300,
)
STRANGE = ", ".join(
    f"main {e}"
    for e in [
        "img",
        "script",
        "base",
        "[onload]",
        "[onerror]",
        "[onfocus]",
        "[hx-on\\\\:load]",
        "[href^=javascript]",
        "[action*=evil]",
    ]
)


def only_text(window: Window, where: str) -> str:
    """What the page says, without blanks. Fails where a payload became an element, or disguises what is read."""
    strange = window.page.evaluate(f"[...document.querySelectorAll('{STRANGE}')].map(e => e.outerHTML)")
    assert strange == [], where
    text = window.page.locator("body").inner_text()
    assert not {"\x1b", "\u202e", "\x07"} & set(text), where
    return flat(window.page.locator("body").text_content() or "")


def flat(text: str, most: int = 0) -> str:
    """Without blanks, which a page folds; its first ``most`` characters."""
    return "".join(text.split())[: most or None]


def forced(window: Window, field: str, value: str) -> None:
    """A field filled as by somebody whose browser does not keep to its type and its length."""
    window.page.locator(field).first.evaluate(
        "(e, v) => { if (e.type != 'radio') e.type = 'text'; e.value = v; }", value
    )


def watched(site: Site, name: str = "mara") -> Window:
    """A window in which a payload that runs is told of."""
    window = site.window(name)
    window.context.expose_function("pwned", lambda: window.trouble.append("pwned"))
    return window


def refused(window: Window, told: str) -> None:
    """Waits until the app tells this; that htmx also writes the answer's 422 to the console is no trouble."""
    window.told(told)
    window.trouble[:] = [t for t in window.trouble if not t.startswith("Response Status Error Code 422")]
