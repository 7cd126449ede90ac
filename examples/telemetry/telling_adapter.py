from snakepit_bridge import telemetry, tool


class Telling:
    @tool(description="Looks something up, in a cache first")
    def look_up(self, key: str) -> str:
        telemetry.emit("cache.miss", {"size": len(key)}, {"cache": "names"})
        with telemetry.span("database.query", {"table": "names"}):
            return key.upper()
