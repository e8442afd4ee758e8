"""report.html: what a training run learnt, as a page that needs no other file, drawn from a document of numbers."""

from jaxnn.report.document import LARGEST, Document, from_json, to_json
from jaxnn.report.page import page
from jaxnn.report.searched import Searched
from jaxnn.report.searchpage import search_page

__all__ = ["LARGEST", "Document", "Searched", "from_json", "page", "search_page", "to_json"]
