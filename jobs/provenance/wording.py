"""Numbers of metrics as people read them, and which way is better. Pure."""

import re

_LOW = re.compile(
    r"loss|error|err\b|mae|mse|rmse|mape|perplexity|ppl|divergence|deviance|latency|bic\b|aic\b", re.I
)
_HIGH = re.compile(
    r"acc|auc|f1|score|precision|recall|r2\b|r_squared|dice|iou|bleu|rouge|reward|likelihood", re.I
)


def is_better_low(name: str) -> bool | None:
    """By the words of a metric's name; None where they do not tell."""
    low, high = _LOW.search(name), _HIGH.search(name)
    if bool(low) == bool(high):
        return None
    return low is not None


def number_text(value: float) -> str:
    """Six digits that count; a whole number whole."""
    if value == int(value) and abs(value) < 1e15:
        return f"{int(value):,}"
    return f"{value:.6g}"
