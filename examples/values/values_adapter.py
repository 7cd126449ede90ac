from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

import numpy as np
from snakepit_bridge import BaseAdapter, tool


@dataclass
class Summary:
    mean: float
    largest: int
    labels: set


class ValuesAdapter(BaseAdapter):
    @tool(description="what a value is in Python")
    def kind(self, value):
        return type(value).__name__

    @tool(description="numbers as an array of numpy")
    def scale(self, numbers, factor):
        return numbers * factor

    @tool(description="a matrix")
    def identity(self, size):
        return np.identity(size, dtype=np.float32)

    @tool(description="an object with members of many types")
    def summarize(self, numbers):
        return Summary(mean=numbers.mean(), largest=2**70, labels={"a"})

    @tool(description="a day later")
    def next_day(self, at: datetime):
        return at + timedelta(days=1)

    @tool(description="twice as much money")
    def double(self, price: Decimal):
        return price * 2
