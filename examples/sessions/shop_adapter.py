from snakepit_bridge import tool

# What outlives a call lives in the module: a worker makes a new adapter for every call.
baskets: dict[str, list[str]] = {}


class Shop:
    def set_session_context(self, context):
        self.context = context

    @tool
    def put(self, item: str) -> int:
        basket = baskets.setdefault(self.context.session_id, [])
        basket.append(item)
        return len(basket)

    @tool
    def greet(self) -> str:
        return f"hello {self.context.session_metadata['name']}"
