# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
"""What a page must make of hostile text: text."""

from __future__ import annotations

from tests.browser.conftest import Site, Window

_STRANGE = """() => {
  const all = (...what) => [...document.querySelectorAll(what.map((w) => `main ${w}`).join())];
  const made = all("img", "script", "base", "iframe", "[onload]", "[onerror]", "[onfocus]", "[hx-on\\\\:load]");
  const ways = ["href", "action", "formaction", "src", "hx-get", "hx-post"];
  const leads = (e) => ways.filter((w) => e.hasAttribute(w)).map((w) => new URL(e.getAttribute(w), location.href));
  const away = all(...ways.map((w) => `[${w}]`)).filter((e) => leads(e).some((u) => u.origin !== location.origin));
  return [[...made, ...away].map((e) => e.outerHTML.slice(0, 300)), document.body.textContent];
}"""
"""Elements that no page has, and whatever leads elsewhere; and every text of the page, hidden ones included."""


def only_text(window: Window, where: str) -> str:
    """What the page says, without blanks. Fails where a payload became an element, or disguises what is read."""
    strange, text = window.page.evaluate(_STRANGE)
    assert strange == [], where
    assert not {"\x1b", "\u202e", "\x07"} & set(text), where
    return flat(text)


def flat(text: str, most: int = 0) -> str:
    """Without blanks, which a page folds; its first ``most`` characters."""
    return "".join(text.split())[: most or None]


def watched(site: Site, name: str = "mara") -> Window:
    """A window in which a payload that runs is told of."""
    window = site.window(name)
    window.context.expose_function("pwned", lambda: window.trouble.append("pwned"))
    return window
