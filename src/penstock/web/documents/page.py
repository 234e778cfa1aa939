"""Templates of pages that need nothing else: whatever is filled in is escaped, what is missing is an error."""

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined, Template


@cache
def template(name: str) -> Template:
    """A template of this folder, read once."""
    environment = Environment(
        loader=PackageLoader("penstock.web", "documents/templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["line_word"] = lambda line, write: write.line(line)
    return environment.get_template(name)
