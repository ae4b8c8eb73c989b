"""Writes every product's definition into docs/programmes.md, as it is in code.

Run `python -m tests.docs.write_programmes` after a change in `issuers/`; a test holds both equal.
"""

from tests import source_tree

PAGE = source_tree.ROOT / "docs" / "programmes.md"
BEGIN, END = "<!-- products -->\n", "<!-- end of products -->\n"
NO_PRODUCTS = ("__init__", "loops", "pricings")


def with_products(page: str) -> str:
    """Give the page with the products as they are now."""
    before, rest = page.split(BEGIN)
    _, after = rest.split(END)
    return before + BEGIN + "\n" + "".join(_products()) + END + after


def _products() -> list[str]:
    files = sorted((source_tree.ROOT / "issuers").glob("*.py"))
    return [
        f"### issuers/{file.name}\n\n```python\n{file.read_text('utf-8')}```\n\n"
        for file in files
        if file.stem not in NO_PRODUCTS
    ]


if __name__ == "__main__":
    PAGE.write_text(with_products(PAGE.read_text("utf-8")), "utf-8")
