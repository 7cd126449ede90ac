from opentelemetry import trace
from snakepit_bridge import BaseAdapter, otel, tool

# Where to, and all else, comes from OTEL_*.
otel.setup("text-tools")
tracer = trace.get_tracer("text-tools")


class Texts(BaseAdapter):
    @tool(description="The weight of a text, as Node weighs words")
    def weigh(self, text: str) -> int:
        with tracer.start_as_current_span("split") as span:
            words = text.split()
            span.set_attribute("words", len(words))
        return sum(self.session_context.call_node_tool("weight_of", word=word) for word in words)

    @tool(description="Raises")
    def fail(self) -> None:
        raise ValueError("no text")
