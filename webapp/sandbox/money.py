"""Amounts a processor accepts, and how they read."""

from webapp.sandbox.errors import InvalidRequest

WITHOUT_DECIMALS = "bif clp djf gnf jpy kmf krw mga pyg rwf ugx vnd vuv xaf xof xpf"
WITH_THREE = "bhd jod kwd omr tnd"
WITH_TWO = (
    "usd aed aud bgn brl cad chf cny czk dkk eur gbp hkd huf idr ils inr isk mxn myr nok nzd php pln ron "
    "sar sek sgd thb try twd zar"
)
DECIMALS = {
    currency: decimals
    for decimals, currencies in [(0, WITHOUT_DECIMALS), (2, WITH_TWO), (3, WITH_THREE)]
    for currency in currencies.split()
}
MINIMUMS = {
    "aed": 200,
    "bgn": 100,
    "czk": 1500,
    "dkk": 250,
    "gbp": 30,
    "hkd": 400,
    "huf": 17500,
    "mxn": 1000,
    "myr": 200,
    "nok": 300,
    "pln": 200,
    "ron": 200,
    "sek": 300,
    "thb": 1000,
}
MINIMUM = 50
MAXIMUM = 99_999_999
SIGNS = {"usd": "$", "eur": "€", "gbp": "£", "jpy": "¥", "cad": "CA$", "aud": "A$"}


def checked_currency(currency: str, *, param: str = "currency") -> str:
    lower = currency.lower()
    if lower not in DECIMALS:
        supported = ", ".join(sorted(DECIMALS))
        raise InvalidRequest(
            f"Invalid currency: {currency}. Stripe currently supports these currencies: {supported}",
            param=param,
        )
    return lower


def check_amount(amount: int, currency: str, *, what: str = "Amount", param: str = "amount") -> None:
    minimum = MINIMUMS.get(currency, MINIMUM)
    if amount < minimum:
        raise InvalidRequest(
            f"{what} must be at least {shown(minimum, currency)} {currency}.",
            code="amount_too_small",
            param=param,
        )
    if amount > MAXIMUM:
        raise InvalidRequest(
            f"{what} must be no more than {shown(MAXIMUM, currency)} {currency}.",
            code="amount_too_large",
            param=param,
        )


def shown(amount: int, currency: str) -> str:
    sign, digits = SIGNS.get(currency, ""), DECIMALS[currency]
    text = f"{sign}{abs(amount) / 10**digits:,.{digits}f}"
    return f"-{text}" if amount < 0 else text
