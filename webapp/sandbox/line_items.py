"""What a Checkout Session is for, priced."""

from decimal import ROUND_HALF_UP, Decimal

from webapp.sandbox.errors import InvalidRequest, NotFound, missing_parameter
from webapp.sandbox.identifiers import new_id
from webapp.sandbox.money import check_amount, checked_currency
from webapp.sandbox.specification import Json, blank


def priced(wanted: list[Json]) -> tuple[list[Json], str]:
    """The items with their amounts, and the one currency they share."""
    items = [_item(given, f"line_items[{position}]") for position, given in enumerate(wanted)]
    currencies = {item["currency"] for item in items}
    if len(currencies) > 1:
        raise InvalidRequest(
            "All line items of a Checkout Session must have the same currency.", param="line_items"
        )
    currency = currencies.pop()
    total = sum(item["amount_total"] for item in items)
    check_amount(total, currency, what="The Checkout Session's total amount", param="line_items")
    return items, currency


def _item(given: Json, name: str) -> Json:
    if "price" in given:
        raise NotFound("price", given["price"], param=f"{name}[price]", status=400)
    if "price_data" not in given:
        raise missing_parameter(f"{name}[price_data]")
    data, quantity = given["price_data"], given.get("quantity")
    if quantity is None:
        raise missing_parameter(f"{name}[quantity]")
    if quantity < 0:
        raise InvalidRequest("This value must be greater than or equal to 0.", param=f"{name}[quantity]")
    if "product_data" not in data:
        raise missing_parameter(f"{name}[price_data][product_data]")
    currency = checked_currency(data["currency"], param=f"{name}[price_data][currency]")
    amount = _unit_amount(data, f"{name}[price_data]") * quantity
    return {
        "id": new_id("item"),
        "object": "item",
        "amount_discount": 0,
        "amount_tax": 0,
        "amount_subtotal": amount,
        "amount_total": amount,
        "currency": currency,
        "description": data["product_data"]["name"],
        "quantity": quantity,
        "metadata": given.get("metadata", {}),
        "price": _price(data, currency),
    }


def _unit_amount(data: Json, name: str) -> int:
    amount = data.get("unit_amount")
    if amount is None:
        if "unit_amount_decimal" not in data:
            raise missing_parameter(f"{name}[unit_amount]")
        amount = int(Decimal(data["unit_amount_decimal"]).quantize(Decimal(1), ROUND_HALF_UP))
    if amount < 0:
        raise InvalidRequest(
            "This value must be greater than or equal to 0.",
            code="parameter_invalid_integer",
            param=f"{name}[unit_amount]",
        )
    return int(amount)


def _price(data: Json, currency: str) -> Json:
    amount = _unit_amount(data, "")
    return blank("price") | {
        "id": new_id("price"),
        "object": "price",
        "active": False,
        "billing_scheme": "per_unit",
        "created": 0,
        "currency": currency,
        "livemode": False,
        "metadata": {},
        "product": new_id("product"),
        "type": "one_time",
        "tax_behavior": "unspecified",
        "unit_amount": amount,
        "unit_amount_decimal": str(amount),
    }
