"""Main content of a web page: navigation, banners and footers are taken out, and their words counted."""

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from selectolax.lexbor import LexborNode

FURNITURE_TAGS = (
    "nav, menu, footer, dialog, [role=navigation], [role=banner], [role=contentinfo], [role=search], [role=dialog], "
    "[role=alertdialog], [aria-modal=true]"
)
NAMED = "div, section, aside, ul, header, form, p, span, table"
FURNITURE_NAME = re.compile(
    r"(?:^|[\s_-])(?:cookies?|consent|gdpr|newsletter|subscri(?:be|ption)|breadcrumbs?|navbar|nav(?:igation|header|footer)?|menu|"
    r"side-?bar|foot(?:er)?|site-?header|masthead|skip(?:-?link)?|share|sharing|social|related|recommended|advert(?:isement)?s?|ads?|"
    r"promo|popup|modal|overlay|toolbar|pagination|pager|banner)(?:$|[\s_-])",
    re.IGNORECASE,
)
LINK_SHARE = 0.7  # of the characters of a list that are links: a list of links
FEWEST_LINKS = 5
KEPT_SHARE = 0.25  # of the words that must stay, or all stay: what looks like furniture is the page
CONTENT = "main, article, [role=main]"


def remove_furniture(body: "LexborNode") -> int:
    """Take what is no content out of a page and return how many words that were; nothing where little would stay."""
    total = words_in(body)
    doomed = [
        node for node in body.css(FURNITURE_TAGS) if not inside_content(node) or node.tag in ("nav", "dialog", "menu")
    ]
    doomed += [node for node in body.css(NAMED) if named_furniture(node) and node.css_first(CONTENT) is None]
    doomed += [node for node in body.css("ul, ol") if is_link_list(node) and not inside_content(node)]
    outermost: list[LexborNode] = []
    ids = {node.mem_id for node in doomed}
    for node in {node.mem_id: node for node in doomed}.values():
        above = node.parent
        while above is not None and above.mem_id not in ids:
            above = above.parent
        if above is None:
            outermost.append(node)
    removed = sum(words_in(node) for node in outermost)
    if total - removed < KEPT_SHARE * total and removed > total // 2 and total - removed < 50:
        return 0
    for node in outermost:
        node.decompose()
    return removed


def named_furniture(node: "LexborNode") -> bool:
    """Whether class or id of an element call it navigation, a banner or the like."""
    attributes = node.attributes
    return bool(FURNITURE_NAME.search(f"{attributes.get('class') or ''} {attributes.get('id') or ''}"))


def is_link_list(node: "LexborNode") -> bool:
    """Whether a list is mostly links."""
    links = node.css("a")
    length = len(node.text(deep=True).strip())
    return len(links) >= FEWEST_LINKS and sum(len(link.text(deep=True)) for link in links) > LINK_SHARE * length


def inside_content(node: "LexborNode") -> bool:
    """Whether an element stands inside of the main part, or an article."""
    above = node.parent
    while above is not None:
        if above.tag in ("main", "article") or above.attributes.get("role") == "main":
            return True
        above = above.parent
    return False


def words_in(node: "LexborNode") -> int:
    """Return how many words an element holds, scripts and styles aside."""
    scripts = sum(len(one.text(separator=" ").split()) for one in node.css("script, style, template, noscript"))
    return len(node.text(separator=" ").split()) - scripts
