"""Amounts as people write them. The lowest room has it, so that every other may use it."""

BINARY_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")


def readable_bytes(count: float) -> str:
    """1536 → "1.5 KiB"."""
    for unit in BINARY_UNITS:
        if count < 1024 or unit == BINARY_UNITS[-1]:
            break
        count /= 1024
    number = f"{count:.0f}" if unit == "B" or count >= 100 else f"{count:.1f}".removesuffix(".0")
    return f"{number} {unit}"


def readable_seconds(seconds: float) -> str:
    """252 → "4 min 12 s"; two units at most."""
    if seconds < 10:
        return f"{seconds:.1f}".removesuffix(".0") + " s"
    whole = round(seconds)
    parts: list[tuple[int, str]] = []
    for name, size in (("d", 86400), ("h", 3600), ("min", 60), ("s", 1)):
        amount, whole = divmod(whole, size)
        if amount or parts:
            parts.append((amount, name))
    return " ".join(f"{amount} {name}" for amount, name in parts[:2] if amount)


def readable_amount(number: float) -> str:
    """An amount to compare at a glance: "12,345", "12.3", "0.04", less is "<0.01"; a count has no decimals."""
    if isinstance(number, int) or number >= 100 or number == 0:
        return f"{number:,.0f}"
    if number >= 10:
        return f"{number:.1f}"
    return f"{number:.2f}" if number >= 0.01 else "<0.01"
