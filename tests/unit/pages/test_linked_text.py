"""Text with addresses in it: what becomes a link, and what never does."""

import re
import time

import pytest

from notifications.pages.linked_text import link_addresses


@pytest.mark.parametrize(
    ("text", "addresses"),
    [
        ("See https://example.com.", ["https://example.com"]),
        ("(https://example.com/a_(b))", ["https://example.com/a_(b)"]),
        ("HTTPS://EXAMPLE.COM/?q=a&b=c!", ["HTTPS://EXAMPLE.COM/?q=a&b=c"]),
        ("http://one.example/ and\nhttp://two.example/x…", ["http://one.example/", "http://two.example/x"]),
        ("见 https://example.com/路径。", ["https://example.com/路径"]),
        ('<a href="https://example.com/">', ["https://example.com/"]),
        ("javascript:alert(1) ftp://example.com //example.com example.com me@example.com", []),
        ("https:// http://? https://[", []),
        ("", []),
    ],
)
def test_addresses_are_links(text: str, addresses: list[str]) -> None:
    """Those of the web, without what belongs to the sentence, followed by no search engine and given no window."""
    html = link_addresses(text)
    found = re.findall(r'<a href="([^"]*)" rel="noopener nofollow" dir="ltr">([^<]*)</a>', html)
    assert [address.replace("&amp;", "&") for address, _shown in found] == addresses
    assert all(address == shown for address, shown in found)
    assert html.count("<") == 2 * len(addresses)


def test_all_else_is_escaped() -> None:
    """Nothing that was sent becomes markup."""
    assert link_addresses("<b>&</b>") == "&lt;b&gt;&amp;&lt;/b&gt;"
    assert link_addresses("https://a.example/'x") == (
        '<a href="https://a.example/&#x27;x" rel="noopener nofollow" dir="ltr">https://a.example/&#x27;x</a>'
    )


@pytest.mark.parametrize("text", ["https://a.example/" + ")" * 200_000, "https://" * 40_000, "(https://x" * 30_000])
def test_the_work_grows_with_the_text_alone(text: str) -> None:
    """No text that was made to be slow is."""
    began = time.process_time()
    link_addresses(text)
    assert time.process_time() - began < 10
