"""Keywords in the text before a match, which tell what kind of number the match is."""

from __future__ import annotations

import re

WINDOW = 48
_LETTER = re.compile(r"[^\W\d_]")
_OTHER = re.compile(
    r"""(?ix)\b(?:order|invoice|ticket|tracking|parcel|shipment|reference|ref|serial|part|model|sku|article|item
    |booking|case|batch|bug|issue|build|commit|revision|isbn|issn|doi|ean|gtin|upc|imei|vin|patent|timestamp|epoch
    |bestell\w*|auftrag\w*|rechnung\w*|kunden\w*|vorgang\w*|aktenzeichen|sendung\w*|artikel\w*
    |commande|facture|dossier|colis|pedido|factura|fatura|encomenda|ordine|fattura|bestelling|factuur
    |заказ\w*|счет\w*|счёт\w*)\b|订单|訂單|发票|快递|单号|注文|주문|ऑर्डर|الطلب|طلب""",
)


def words(*stems: str) -> re.Pattern[str]:
    """Return a pattern that matches any of ``stems`` at the start of a word; CJK stems match anywhere."""
    bounded = [stem for stem in stems if ord(stem[0]) < 0x2E80]
    free = [stem for stem in stems if ord(stem[0]) >= 0x2E80]
    parts = [rf"(?<!\w)(?:{'|'.join(bounded)})"] if bounded else []
    return re.compile("|".join(parts + free), re.IGNORECASE)


def last_end(pattern: re.Pattern[str], text: str, start: int) -> int:
    """Return the end of the last match of ``pattern`` in the ``WINDOW`` characters before ``start``, or -1."""
    end = -1
    low = max(0, start - WINDOW)
    if _LETTER.search(text, low, start):
        for match in pattern.finditer(text, low, start):
            end = match.end()
    return end


def announced(pattern: re.Pattern[str], text: str, start: int) -> bool:
    """Return whether ``pattern`` matches shortly before ``start`` and no word in between names another kind."""
    keyword_end = last_end(pattern, text, start)
    return keyword_end >= 0 and not _OTHER.search(text, keyword_end, start)


def called_otherwise(text: str, start: int) -> bool:
    """Return whether the words right before ``start`` name an order, an invoice, a part or similar."""
    end = last_end(_OTHER, text, start)
    return end >= 0 and start - end <= 16
